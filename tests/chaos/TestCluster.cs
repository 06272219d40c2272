using QuantCluster.Cluster;
using QuantCluster.Jobs;
using QuantCluster.Search;
using QuantCluster.Workers;

namespace QuantCluster.Tests.Chaos;

/// <summary>A real cluster on this machine, of a redis-server and <c>quant worker</c> processes; gone when disposed.</summary>
internal sealed class TestCluster : IDisposable
{
    private readonly double _lease;
    private readonly bool _silos;
    private readonly string _folder = Directory.CreateTempSubdirectory("quant-cluster-").FullName;
    private int _named;

    /// <param name="leaseSeconds">After which a silent worker is taken for dead.</param>
    /// <param name="store">Where jobs are; null for a folder that goes with the cluster.</param>
    /// <param name="silos">Of silos instead of workers; they find jobs in the store.</param>
    public TestCluster(double leaseSeconds, string? store = null, bool silos = false)
    {
        _lease = leaseSeconds;
        _silos = silos;
        Store = JobStore.Open(store ?? Path.Combine(_folder, "store"));
    }

    public RedisServer Redis { get; } = new();

    public JobStore Store { get; }

    public List<WorkerProcess> Workers { get; } = [];

    public WorkerProcess AddWorker(int cores = 1, IReadOnlyList<string>? wrapping = null)
    {
        string name = $"{(_silos ? "silo" : "worker")}-{++_named}";
        WorkerProcess worker = _silos
            ? WorkerProcess.OfSilo(Redis.Address, Store.Root, name)
            : WorkerProcess.OfQuant(Redis.Address, Store.Root, cores, _lease, name, wrapping);
        Workers.Add(worker);
        return worker;
    }

    /// <summary>The worker that coordinates a job, once there is one.</summary>
    public async Task<WorkerProcess> CoordinatorOfAsync(StoredJob job, TimeSpan patience)
    {
        await UntilAsync(() => Named(job) is not null, patience, $"{job.Id} has no coordinator");
        return Named(job)!;
    }

    public StoredJob Submit(JobSettings? settings = null, SearchSettings? search = null)
    {
        using JobSources sources = DigitsJob.Open(settings ?? new JobSettings());
        StoredJob job = new JobSubmission(Store).Submit(DigitsJob.Specify(sources, settings ?? new JobSettings(), "digits.int8.onnx", search), _silos ? "orleans" : "redis", TimeProvider.System.GetUtcNow());
        if (!_silos)
            Announce(job);
        return job;
    }

    public void Announce(StoredJob job)
    {
        RedisLink link = RedisLink.ConnectAsync(Redis.Address).GetAwaiter().GetResult();
        RedisCluster cluster = new(link);
        cluster.AnnounceAsync(job.Id).GetAwaiter().GetResult();
        cluster.DisposeAsync().AsTask().GetAwaiter().GetResult();
    }

    /// <summary>Waits for the end of a job.</summary>
    /// <exception cref="TimeoutException">It does not end; with its state, its log and the workers' logs.</exception>
    public async Task<JobState> FinishAsync(StoredJob job, TimeSpan patience)
    {
        await UntilAsync(() => job.ReadState().IsOver, patience, () => $"{job.Id} does not end: {job.ReadState()}");
        return job.ReadState();
    }

    public Task UntilAsync(Func<bool> condition, TimeSpan patience, string otherwise) => UntilAsync(condition, patience, () => otherwise);

    private async Task UntilAsync(Func<bool> condition, TimeSpan patience, Func<string> otherwise)
    {
        for (long begun = TimeProvider.System.GetTimestamp(); !condition(); await Task.Delay(20))
        {
            if (TimeProvider.System.GetElapsedTime(begun) > patience)
                throw new TimeoutException($"{otherwise()}\n{string.Join('\n', Workers.Select(w => $"--- {w.Name}{(w.HasExited ? " (gone)" : "")}\n{w.Log}"))}");
        }
    }

    /// <summary>The bytes a finished job came to.</summary>
    public static byte[] ResultOf(StoredJob job) => File.ReadAllBytes(JobDirectory.ReadSpecification(job.Folder).Output);

    /// <summary>Keys of the journal, in its order: each only once, if nothing was done twice.</summary>
    public static IReadOnlyList<string> JournalOf(StoredJob job) => DigitsJob.KeysOf(Path.Combine(job.Folder, "journal.jsonl"));

    public void Dispose()
    {
        Workers.ForEach(w => w.Dispose());
        Redis.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private WorkerProcess? Named(StoredJob job) =>
        job.ReadState() is { Phase: JobPhase.Running } state ? Workers.FirstOrDefault(w => w.Name == state.Coordinator && !w.HasExited) : null;
}
