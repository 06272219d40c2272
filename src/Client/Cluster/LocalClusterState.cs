using System.Text.Json;
using System.Text.Json.Serialization;
using QuantCluster.Jobs;

namespace QuantCluster.Client.Cluster;

/// <summary>A process of a local cluster.</summary>
/// <param name="Name">What <c>status</c> calls it.</param>
/// <param name="Id">Process id.</param>
/// <param name="Started">When it was started, as <see cref="LocalProcess.StartOf"/> says: ids are used again.</param>
internal sealed record LocalMember(string Name, int Id, string Started);

/// <summary>The cluster that <c>quant cluster up</c> started: the content of <c>cluster.json</c>.</summary>
internal sealed record LocalClusterState(string Engine, string Address, string Store, IReadOnlyList<LocalMember> Members)
{
    public const string DefaultFolder = ".quant-cluster";

    /// <summary>The cluster of a folder; null where none was started there.</summary>
    public static LocalClusterState? Find(string folder = DefaultFolder)
    {
        string file = FileIn(folder);
        try
        {
            return File.Exists(file) ? JsonSerializer.Deserialize(File.ReadAllBytes(file), LocalClusterJson.Default.LocalClusterState) : null;
        }
        catch (JsonException e)
        {
            throw new QuantException(ExitCode.Usage, $"{file}: not the state of a cluster ({e.Message}). Remove it, and end what still runs by hand.", e);
        }
    }

    public void Save(string folder) => AtomicFile.Write(FileIn(folder), JsonSerializer.SerializeToUtf8Bytes(this, LocalClusterJson.Default.LocalClusterState));

    private static string FileIn(string folder) => Path.Combine(Path.GetFullPath(folder), "cluster.json");
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true)]
[JsonSerializable(typeof(LocalClusterState))]
internal sealed partial class LocalClusterJson : JsonSerializerContext;
