using QuantCluster.Cluster;
using QuantCluster.Jobs;
using QuantCluster.Tests.Chaos;
using QuantCluster.Workers;

namespace QuantCluster.Bench;

/// <summary>Worker processes around a Redis; this process coordinates.</summary>
internal sealed class RedisScaleCluster : ScaleCluster
{
    private const double LeaseSeconds = 15;

    private readonly TestCluster _cluster;
    private readonly RedisLink _link;
    private readonly RedisEngine _engine;

    private RedisScaleCluster(TestCluster cluster, RedisLink link)
    {
        (_cluster, _link) = (cluster, link);
        _engine = new RedisEngine(link, new RedisTiming { Lease = TimeSpan.FromSeconds(LeaseSeconds) }, QuantizationJob.ToolVersion);
    }

    public override string Name => "redis";

    public override JobStore Store => _cluster.Store;

    public override IWorkEngine Engine => _engine;

    public override TimeSpan WorkersTime => new(_cluster.Workers.Sum(w => w.ProcessorTime.Ticks));

    public static async Task<ScaleCluster> StartAsync(int workers)
    {
        TestCluster cluster = new(LeaseSeconds);
        for (int i = 0; i < workers; i++)
            cluster.AddWorker(1, Wrapping.OnCore(i));
        RedisLink link = await RedisLink.ConnectAsync(cluster.Redis.Address);
        WorkerRegistry registry = new(link);
        while ((await registry.ReadAsync(default)).Count < workers)
            await Task.Delay(20);
        return new RedisScaleCluster(cluster, link);
    }

    public override async ValueTask DisposeAsync()
    {
        await _engine.DisposeAsync();
        await _link.DisposeAsync();
        _cluster.Dispose();
    }
}
