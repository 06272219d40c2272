using System.CommandLine;
using QuantCluster.Cluster;

namespace QuantCluster.Client.Cluster;

/// <summary>Which cluster a command means: by its options, else by the environment, else the one that runs in this folder.</summary>
internal static class ClusterPlace
{
    private const string StoreVariable = "QUANT_STORE", AddressVariable = "QUANT_CLUSTER", EngineVariable = "QUANT_ENGINE";

    public static Option<string> Store { get; } = new("--store") { HelpName = "DIR", Description = $"The job store that cluster and clients share. Default: ${StoreVariable}, else that of the cluster 'quant cluster up' started in this folder." };

    public static Option<string> Engine { get; } = new("--engine") { HelpName = string.Join('|', ClusterEngines.All.Select(e => e.Name)), Description = $"Who does the work. Default: ${EngineVariable}, else that of the cluster in this folder, else redis." };

    public static Option<string> Address { get; } = new("--cluster") { HelpName = "ADDRESS", Description = $"Where the cluster is: HOST:PORT of its Redis. Default: ${AddressVariable}, else the cluster in this folder, else this machine." };

    /// <summary>The store, made where it is not there yet: for who puts something into it.</summary>
    /// <exception cref="QuantException">It is not said where, or it cannot be made.</exception>
    public static JobStore StoreOf(ParseResult parsed) => JobStore.Open(RootOf(parsed));

    /// <summary>The store, for who looks for something in it: a folder that was misspelled is not made.</summary>
    /// <exception cref="QuantException">It is not said where, or there is none.</exception>
    public static JobStore ExistingStoreOf(ParseResult parsed)
    {
        string root = RootOf(parsed);
        return Directory.Exists(Path.Combine(root, "jobs"))
            ? JobStore.Open(root)
            : throw new QuantException(ExitCode.Usage, $"{root}: there is no job store. Give --store DIR (or set {StoreVariable}) with the folder that the cluster shares.");
    }

    public static IClusterEngine EngineOf(ParseResult parsed) =>
        ClusterEngines.Find(parsed.GetValue(Engine) ?? Environment.GetEnvironmentVariable(EngineVariable) ?? LocalClusterState.Find()?.Engine ?? "redis");

    public static string AddressOf(ParseResult parsed, IClusterEngine engine) =>
        parsed.GetValue(Address)
        ?? Environment.GetEnvironmentVariable(AddressVariable)
        ?? (LocalClusterState.Find() is { } here && here.Engine == engine.Name ? here.Address : engine.DefaultAddress);

    private static string RootOf(ParseResult parsed) =>
        parsed.GetValue(Store) ?? Environment.GetEnvironmentVariable(StoreVariable) ?? LocalClusterState.Find()?.Store
        ?? throw new QuantException(ExitCode.Usage, $"which cluster? Give --store DIR (or set {StoreVariable}) with the folder it shares with its clients, or start one here: quant cluster up.");
}
