using QuantCluster.Cluster;
using QuantCluster.Jobs;
using QuantCluster.Tests.Chaos;
using QuantCluster.Tests.Jobs;
using QuantCluster.Workers;

namespace QuantCluster.Tests.Workers;

/// <summary>The contract of every engine, kept by real worker processes and a real redis-server.</summary>
public sealed class RedisEngineTests : WorkEngineContract
{
    private static readonly RedisTiming Timing = new() { Lease = TimeSpan.FromSeconds(4) };

    private readonly TemporaryFolder _store = new();
    private readonly RedisServer _server = new();
    private readonly List<WorkerProcess> _workers = [];
    private readonly List<IAsyncDisposable> _open = [];

    public RedisEngineTests() => Require.Redis();

    public override void Dispose()
    {
        foreach (IAsyncDisposable open in Enumerable.Reverse(_open))
            open.DisposeAsync().AsTask().GetAwaiter().GetResult();
        _workers.ForEach(w => w.Dispose());
        _server.Dispose();
        _store.Dispose();
        base.Dispose();
    }

    protected override int Processes => 2;

    /// <summary>Two processes at most: this machine has few cores, and they share the items all the same.</summary>
    protected override IWorkEngine Create(int workers)
    {
        int processes = Math.Min(workers, 2);
        for (int i = 0; i < processes; i++)
            _workers.Add(WorkerProcess.OfContract(_server.Address, _store.Path, workers / processes, Timing.Lease));
        RedisLink link = RedisLink.ConnectAsync(_server.Address).GetAwaiter().GetResult();
        _open.Add(link);
        WorkerRegistry registry = new(link);
        for (int i = 0; i < 500 && registry.ReadAsync(default).GetAwaiter().GetResult().Count(m => _workers.Any(w => w.Name == m.Name)) < processes; i++)
            Thread.Sleep(10);
        RedisEngine engine = new(link, Timing, "contract");
        _open.Add(engine);
        return engine;
    }

    protected override string NewFolder() => Path.Combine(JobStore.Open(_store.Path).Jobs, JobStore.NewId("contract"));
}
