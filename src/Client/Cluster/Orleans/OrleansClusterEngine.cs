using System.Globalization;
using System.Net.Sockets;
using QuantCluster.Cluster;
using QuantCluster.Grains;
using QuantCluster.Workers;

namespace QuantCluster.Client.Cluster;

/// <summary>Orleans silos that share a Redis: warm sessions by block, a coordinator a job that survives its silo.</summary>
internal sealed class OrleansClusterEngine : IClusterEngine
{
    private const string ClusterIdVariable = "QUANT_CLUSTER_ID";

    /// <summary>Ports a silo has: for silos, for clients, for health.</summary>
    private const int PortsOfSilo = 3;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    public string Name => OrleansEngine.EngineName;

    public string DefaultAddress => "127.0.0.1:6379";

    public async Task<ICluster> ConnectAsync(string address, JobStore store, CancellationToken cancellation) =>
        await OrleansCluster.ConnectAsync(address, Environment.GetEnvironmentVariable(ClusterIdVariable) ?? ClusterNames.DefaultClusterId, Patience, cancellation);

    public IReadOnlyList<LocalService> ServicesOf(LocalClusterPlan plan)
    {
        if (1 + (plan.Workers * PortsOfSilo) > LocalClusterPlan.Ports)
            throw new QuantException(ExitCode.Usage, $"--workers {plan.Workers}: at most {(LocalClusterPlan.Ports - 1) / PortsOfSilo} silos on one machine; give each more --cores.");
        string data = Directory.CreateDirectory(Path.Combine(plan.Folder, "redis")).FullName;
        return
        [
            new LocalService("redis", RedisProgram.Command(data, plan.Port)) { IsReady = () => Listens(plan.Port) },
            .. Enumerable.Range(1, plan.Workers).Select(i => Silo(plan, i, plan.Port + 1 + ((i - 1) * PortsOfSilo))),
        ];
    }

    public string AddressOf(LocalClusterPlan plan) => string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{plan.Port}");

    private LocalService Silo(LocalClusterPlan plan, int number, int port) => new($"silo-{number}",
    [
        "dotnet", FindSilo(), "--redis", AddressOf(plan), "--store", plan.Store, "--name", $"silo-{number}", "--address", "127.0.0.1",
        "--silo-port", Text(port), "--gateway-port", Text(port + 1), "--http-port", Text(port + 2), "--cores", Text(plan.Cores),
        "--reminder-seconds", "5", "--probe-milliseconds", "1000",
    ])
    {
        // The first makes the cluster's tables; a silo is ready when clients can come.
        IsReady = () => Listens(port + 1),
    };

    /// <exception cref="QuantException">It is not where it is built, nor beside this program.</exception>
    private static string FindSilo()
    {
        string[] places =
        [
            Path.Combine(AppContext.BaseDirectory, "silo", "quant-silo.dll"),
            Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "..", "..", "..", "Silo", "bin", "Release", "net10.0", "quant-silo.dll")),
        ];
        return places.FirstOrDefault(File.Exists)
            ?? throw new QuantException(ExitCode.Unavailable, $"the silo's program is not there ({string.Join(", nor ", places)}). Build the whole solution: dotnet build -c Release QuantCluster.sln.");
    }

    private static bool Listens(int port)
    {
        try
        {
            using TcpClient client = new("127.0.0.1", port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}
