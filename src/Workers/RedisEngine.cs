using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using QuantCluster.Jobs;
using StackExchange.Redis;

namespace QuantCluster.Workers;

/// <summary>
/// Items on the workers of a Redis cluster. A run puts a bounded number of items into its job's stream; workers take
/// them, and answer into the run's stream of results. The first answer to an item counts, later ones are dropped.
/// </summary>
public sealed class RedisEngine : IWorkEngine, IAsyncDisposable
{
    private readonly RedisLink _link;
    private readonly string _version;
    private readonly ConcurrentBag<ConnectionMultiplexer> _waiting = [];
    private readonly ConcurrentDictionary<string, byte> _jobs = new();
    private readonly Capacity _capacity;

    /// <param name="link">The server.</param>
    /// <param name="timing">As the workers have it.</param>
    /// <param name="version">The build whose workers may do the items: <see cref="QuantizationJob.ToolVersion"/>.</param>
    public RedisEngine(RedisLink link, RedisTiming timing, string version)
    {
        _link = link;
        Timing = timing;
        _version = version;
        _capacity = new Capacity(new WorkerRegistry(link), version);
    }

    public string Name => "redis";

    public bool IsRemote => true;

    /// <summary>Members that took part lately.</summary>
    public int Workers => _capacity.Workers;

    internal RedisTiming Timing { get; }

    public async IAsyncEnumerable<WorkResult> ExecuteAsync(
        JobContext job, IAsyncEnumerable<WorkItem> items, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        if (job.Folder.Length == 0)
            throw new ArgumentException("the redis engine needs the job's folder, for its workers to open", nameof(job));
        string id = Path.GetFileName(Path.TrimEndingDirectorySeparator(job.Folder));
        _jobs.TryAdd(id, 0);
        if (!_waiting.TryTake(out ConnectionMultiplexer? waiting))
            waiting = await _link.OpenWaitingConnectionAsync();
        ItemRun run = new(_link, waiting, id, _version, Timing);
        try
        {
            await foreach (WorkResult result in RunAsync(run, job, items, cancellation))
                yield return result;
        }
        finally
        {
            await run.EndAsync();
            _waiting.Add(waiting);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (string job in _jobs.Keys)
        {
            try
            {
                await _link.Database.SortedSetRemoveAsync(RedisKeys.ActiveJobs, ItemRun.Member(job, _version));
                await _link.Database.KeyDeleteAsync(RedisKeys.Items(job));
            }
            catch (Exception e) when (RedisLink.IsPassing(e))
            {
                // What is left goes by itself.
            }
        }

        foreach (ConnectionMultiplexer waiting in _waiting)
            await waiting.DisposeAsync();
    }

    private async IAsyncEnumerable<WorkResult> RunAsync(
        ItemRun run, JobContext job, IAsyncEnumerable<WorkItem> items, [EnumeratorCancellation] CancellationToken cancellation)
    {
        await run.BeginAsync(cancellation);
        await using IAsyncEnumerator<WorkItem> source = items.GetAsyncEnumerator(cancellation);
        Task<bool>? next = null;
        Task<IReadOnlyList<Answer>>? answers = null;
        bool exhausted = false;
        List<WorkItem> taken = [];
        try
        {
            while (true)
            {
                int room = await _capacity.OutstandingAsync(cancellation) - run.Outstanding;
                while (!exhausted && taken.Count < room)
                {
                    next ??= source.MoveNextAsync().AsTask();
                    if (!next.IsCompleted)
                        break;
                    if (await next)
                        taken.Add(source.Current);
                    else
                        exhausted = true;
                    next = null;
                }

                if (taken.Count > 0)
                    await run.AddAsync(taken, cancellation);
                taken.Clear();
                if (run.Outstanding == 0 && exhausted)
                    yield break;

                answers ??= run.ReadAsync(cancellation);
                await Task.WhenAny(next is null ? [answers] : [answers, next]);
                cancellation.ThrowIfCancellationRequested();
                if (!answers.IsCompleted)
                    continue;
                IReadOnlyList<Answer> batch = await answers;
                answers = null;
                foreach (Answer answer in batch)
                {
                    foreach (WorkResult result in await run.SettleAsync(answer, job.Blobs, cancellation))
                        yield return result;
                }

                await run.CareAsync(cancellation);
            }
        }
        finally
        {
            if (next is not null)
                await Task.WhenAny(next);
            if (answers is not null)
                await Task.WhenAny(answers);
        }
    }
}
