using QuantCluster.Cluster;
using QuantCluster.Grains;
using QuantCluster.Jobs;
using QuantCluster.Tests;
using QuantCluster.Tests.Chaos;
using RedisServer = QuantCluster.Tests.Chaos.RedisServer;

namespace QuantCluster.Bench;

/// <summary>Silo processes around a Redis; this process coordinates as a client of theirs.</summary>
internal sealed class OrleansScaleCluster : ScaleCluster
{
    private const string Id = "scale";

    private readonly RedisServer _redis = new();
    private readonly ScratchFolder _folder = new();
    private readonly List<SiloProcess> _silos = [];
    private OrleansCluster? _client;
    private OrleansEngine? _engine;

    private OrleansScaleCluster() => Store = JobStore.Open(_folder.Path);

    public override string Name => "orleans";

    public override JobStore Store { get; }

    public override IWorkEngine Engine => _engine!;

    public override TimeSpan WorkersTime => new(_silos.Sum(s => s.ProcessorTime.Ticks));

    public static Task<ScaleCluster> StartAsync(int workers) => StartAsync("src/Silo/bin/Release/net10.0/quant-silo.dll", workers, Wrapping.OnCore);

    /// <summary>Silos that do the items of the engines' contract, on whatever core is free.</summary>
    public static Task<ScaleCluster> OfContractAsync(int workers) => StartAsync("tests/TestSilo/bin/Release/net10.0/QuantCluster.TestSilo.dll", workers, _ => []);

    private static async Task<ScaleCluster> StartAsync(string silo, int workers, Func<int, IReadOnlyList<string>> wrapping)
    {
        OrleansScaleCluster cluster = new();
        string program = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(WorkerProcess.Quant)!, "../../../../..", silo));
        for (int i = 0; i < workers; i++)
        {
            cluster._silos.Add(await SiloProcess.StartAsync(
                program, cluster._redis.Address, cluster.Store.Root, Id, $"silo-{i}", 1, wrapping(i)));
        }

        cluster._client = await OrleansCluster.ConnectAsync(cluster._redis.Address, Id, TimeSpan.FromSeconds(10));
        cluster._engine = new OrleansEngine(cluster._client.Grains);
        return cluster;
    }

    public override async ValueTask DisposeAsync()
    {
        if (_client is not null)
            await _client.DisposeAsync();
        _silos.ForEach(s => s.Dispose());
        _redis.Dispose();
        _folder.Dispose();
    }
}
