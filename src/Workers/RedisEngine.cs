using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using QuantCluster.Jobs;
using StackExchange.Redis;

namespace QuantCluster.Workers;

/// <summary>
/// Items on the workers of a Redis cluster. A run puts a bounded number of items into its job's stream; workers take
/// them, and answer into the run's stream of results. The first answer to an item counts, later ones are dropped. Which
/// item goes out next, and whom it is meant for, is <see cref="ItemChoice"/>'s; any worker that is free may do it.
/// </summary>
public sealed class RedisEngine : IWorkEngine, IAsyncDisposable
{
    private readonly RedisLink _link;
    private readonly string _version;
    private readonly ConcurrentBag<ConnectionMultiplexer> _waiting = [];
    private readonly ConcurrentDictionary<string, byte> _jobs = new();
    private readonly Capacity _capacity;
    private readonly WarmWorkers _warm = new();
    private readonly ItemTimes _times = new();

    /// <param name="link">The server.</param>
    /// <param name="timing">As the workers have it.</param>
    /// <param name="version">The build whose workers may do the items: <see cref="QuantizationJob.ToolVersion"/>.</param>
    public RedisEngine(RedisLink link, RedisTiming timing, string version)
    {
        _link = link;
        Timing = timing;
        _version = version;
        _capacity = new Capacity(new WorkerRegistry(link), version, _warm);
    }

    public string Name => "redis";

    public bool IsRemote => true;

    /// <summary>Members that took part lately.</summary>
    public int Workers => _capacity.Members.Count;

    internal RedisTiming Timing { get; }

    public async IAsyncEnumerable<WorkResult> ExecuteAsync(
        JobContext job, IAsyncEnumerable<WorkItem> items, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        if (job.Folder.Length == 0)
            throw new ArgumentException("the redis engine needs the job's folder, for its workers to open", nameof(job));
        string id = Path.GetFileName(Path.TrimEndingDirectorySeparator(job.Folder));
        _jobs.TryAdd(id, 0);
        using UnreadResults unread = new();
        await foreach (WorkResult result in ResultStream.ReadAsync(UnreadResults.Most, (finished, stop) => RunAsync(id, job, items, finished, unread, stop.Token), cancellation))
        {
            unread.Read();
            yield return result;
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

    /// <summary>Apart from who reads: flushing a result to the disk must not keep the next item from a worker.</summary>
    private async Task RunAsync(
        string id, JobContext job, IAsyncEnumerable<WorkItem> items, ChannelWriter<WorkResult> finished, UnreadResults unread, CancellationToken cancellation)
    {
        Exception? failure = null;
        try
        {
            if (!_waiting.TryTake(out ConnectionMultiplexer? waiting))
                waiting = await _link.OpenWaitingConnectionAsync();
            ItemRun run = new(_link, waiting, id, _version, Timing);
            try
            {
                await RunAsync(run, job, items, finished, unread, cancellation);
            }
            finally
            {
                await run.EndAsync();
                _waiting.Add(waiting);
            }
        }
        catch (Exception e)
        {
            failure = e;
        }

        finished.Complete(failure);
    }

    private async Task RunAsync(
        ItemRun run, JobContext job, IAsyncEnumerable<WorkItem> items, ChannelWriter<WorkResult> finished, UnreadResults unread, CancellationToken cancellation)
    {
        await run.BeginAsync(cancellation);
        ItemChoice choice = new(_capacity, _warm, _times);
        await using ReadyItems source = new(items, cancellation);
        Task<IReadOnlyList<Answer>>? answers = null;
        try
        {
            while (true)
            {
                await _capacity.LookAsync(cancellation);
                while (run.Outstanding + choice.Waiting + unread.Count < choice.Ahead && await source.NextAsync(wait: false) is { } ready)
                    choice.Add(ready);
                IReadOnlyList<MeantItem> chosen = choice.Take(run.Outstanding);
                if (chosen.Count > 0)
                    await run.AddAsync(chosen, cancellation);
                if (run.Outstanding + choice.Waiting == 0 && source.IsExhausted)
                    return;

                answers ??= run.ReadAsync(cancellation);
                await Task.WhenAny(source.Pending is { IsCompleted: false } more ? [answers, unread.ChangedAsync(), more] : [answers, unread.ChangedAsync()]);
                cancellation.ThrowIfCancellationRequested();
                if (!answers.IsCompleted)
                    continue;
                IReadOnlyList<Answer> batch = await answers;
                answers = null;
                foreach (Answer answer in batch)
                {
                    foreach (WorkResult result in await run.SettleAsync(answer, job.Blobs, cancellation))
                    {
                        choice.Returned(result, answer.Message.Worker);
                        unread.Add();
                        await finished.WriteAsync(result, cancellation);
                    }
                }

                await run.CareAsync(cancellation);
            }
        }
        finally
        {
            if (answers is not null)
                await Task.WhenAny(answers);
        }
    }
}
