using System.Diagnostics;
using System.Threading.Channels;

namespace QuantCluster.Jobs;

/// <summary>
/// Items of a stage, asked for by many at once and done in one run of the engine, which begins with the first item: who
/// asks for more need not wait for what others asked for. An item is looked up in the journal, else done, its result
/// stored, and then journalled; never twice, whoever asks for it meanwhile. Thread-safe.
/// </summary>
/// <remarks>
/// They are one piece of work: what stops one who asks, or fails an item, stops all, and nothing is left running when
/// they hear of it. Disposed of when nobody asks any more.
/// </remarks>
public sealed class StageItems : IAsyncDisposable
{
    private const string ResultName = "result";

    /// <summary>Results that are stored side by side and journalled with one flush.</summary>
    private const int LargestBatch = 32;

    private readonly JobDirectory _directory;
    private readonly IWorkEngine _engine;
    private readonly JobContext _context;
    private readonly string _stage;
    private readonly StageSeconds _seconds;
    private readonly ItemProgress _progress;
    private readonly Channel<WorkItem> _posted = Channel.CreateUnbounded<WorkItem>(new UnboundedChannelOptions { SingleReader = true });
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _lock = new();
    private readonly Dictionary<string, TaskCompletionSource<BlobId>> _underWay = [];
    private Task? _reading;
    private Exception? _ended;

    // When the seconds began that are not counted yet.
    private long _uncounted;

    internal StageItems(JobDirectory directory, IWorkEngine engine, JobContext context, string stage, StageSeconds seconds, IProgress<JobProgress>? progress)
    {
        (_directory, _engine, _context, _stage, _seconds) = (directory, engine, context, stage, seconds);
        _progress = new ItemProgress(stage, progress);
    }

    /// <summary>Does some items.</summary>
    /// <returns>Their results, in the items' order whatever the order they were finished in.</returns>
    /// <exception cref="QuantException">An item failed for good: one of these, or of another's.</exception>
    public async Task<IReadOnlyList<BlobId>> RunAsync(IReadOnlyList<WorkItem> items, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        JournalRecord?[] known = new JournalRecord?[items.Count];
        HashSet<JournalRecord> damaged = new(ReferenceEqualityComparer.Instance);
        for (int i = 0; i < items.Count; i++)
        {
            if (_directory.Journal.Find(items[i].Key) is not { } record)
                continue;
            if (await _directory.IsIntactAsync(record, cancellation))
                known[i] = record;
            else
                damaged.Add(record);
        }

        Task<BlobId>[] results = Post(items, known, damaged);

        // Never here and now: whoever cancels may be in the middle of anything.
        using (cancellation.UnsafeRegister(_ => _ = _stop.CancelAsync(), null))
            return await Task.WhenAll(results);
    }

    public async ValueTask DisposeAsync()
    {
        bool isNeeded;
        lock (_lock)
        {
            _ended ??= new ObjectDisposedException(nameof(StageItems));
            isNeeded = _underWay.Count == 0;
        }

        _posted.Writer.TryComplete();
        if (!isNeeded)
            await _stop.CancelAsync();
        if (_reading is not null)
            await _reading;
        _stop.Dispose();
    }

    /// <param name="known">Of each item what the journal has.</param>
    /// <param name="damaged">What the journal has of items whose results are no longer what they were.</param>
    private Task<BlobId>[] Post(IReadOnlyList<WorkItem> items, JournalRecord?[] known, HashSet<JournalRecord> damaged)
    {
        Task<BlobId>[] results = new Task<BlobId>[items.Count];
        List<WorkItem> fresh = [];
        int found = 0;
        lock (_lock)
        {
            if (_ended is not null)
                return [Ended(_ended)];
            for (int i = 0; i < results.Length; i++)
            {
                WorkItem item = items[i];
                if (known[i] is null && _underWay.TryGetValue(item.Key, out TaskCompletionSource<BlobId>? there))
                {
                    results[i] = there.Task;
                }
                else if ((known[i] ?? _directory.Journal.Find(item.Key)) is { } record && !damaged.Contains(record))
                {
                    // Known before, or finished for another since it was looked for.
                    results[i] = Task.FromResult(BlobId.Parse(record.Outputs[ResultName]));
                    _seconds.Add(_stage, item.Key, record.Seconds);
                    found++;
                }
                else
                {
                    // Time in which there is nothing to do does not count.
                    if (_underWay.Count == 0)
                        _uncounted = Stopwatch.GetTimestamp();
                    TaskCompletionSource<BlobId> result = new(TaskCreationOptions.RunContinuationsAsynchronously);
                    _underWay.Add(item.Key, result);
                    results[i] = result.Task;
                    fresh.Add(item);
                }
            }

            if (fresh.Count > 0)
                _reading ??= Task.Run(ReadAsync);
        }

        _progress.Add(found + fresh.Count, found);
        foreach (WorkItem item in fresh)
            _posted.Writer.TryWrite(item);
        return results;
    }

    /// <summary>Reads results until nobody asks any more; what is left then has no result.</summary>
    private async Task ReadAsync()
    {
        Exception? failure = null;
        try
        {
            using WorkInstruments.StageSpan span = WorkInstruments.BeginStage(_stage);
            await ReadResultsAsync();
        }
        catch (Exception e)
        {
            failure = e;
        }

        TaskCompletionSource<BlobId>[] left;
        lock (_lock)
        {
            _ended = failure ?? _ended ?? new QuantException(ExitCode.InternalError, $"{_stage}: the {_engine.Name} engine ended before its items");
            left = [.. _underWay.Values];
            _underWay.Clear();
        }

        foreach (TaskCompletionSource<BlobId> result in left)
            result.TrySetFromTask(Ended(_ended));
    }

    private async Task ReadResultsAsync()
    {
        await using IAsyncEnumerator<WorkResult> finished = _engine.ExecuteAsync(_context, _posted.Reader.ReadAllAsync(_stop.Token), _stop.Token).GetAsyncEnumerator(_stop.Token);
        Task<bool> next = finished.MoveNextAsync().AsTask();
        List<(WorkItem Item, Task<BlobId> Blob)> batch = [];
        try
        {
            while (await next)
            {
                // Flushing to the disk costs more than many an item: what is finished by now shares it.
                WorkFailure? failure;
                do
                {
                    WorkResult result = finished.Current;
                    failure = result.Failure;
                    if (failure is null)
                        batch.Add((result.Item, Task.Run(() => _directory.Blobs.PutAsync(result.Bytes, CancellationToken.None).AsTask(), CancellationToken.None)));
                    next = finished.MoveNextAsync().AsTask();
                }
                while (failure is null && batch.Count < LargestBatch && next is { IsCompletedSuccessfully: true, Result: true });
                await KeepAsync(batch);
                if (failure is not null)
                    throw new QuantException(failure.Code, failure.Message);
            }
        }
        catch (Exception e)
        {
            await _stop.CancelAsync();
            await ((Task)next).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

            // What was finished when the job was stopped is not done again.
            if (e is OperationCanceledException)
                await KeepAsync(batch);
            throw;
        }
    }

    private async Task KeepAsync(List<(WorkItem Item, Task<BlobId> Blob)> batch)
    {
        await Task.WhenAll(batch.Select(b => b.Blob));

        // The wall time is shared among the items, so that a resumed job can add it up again.
        double seconds;
        lock (_lock)
        {
            seconds = Stopwatch.GetElapsedTime(_uncounted).TotalSeconds / Math.Max(1, batch.Count);
            _uncounted = Stopwatch.GetTimestamp();
        }

        _directory.Journal.Append([.. batch.Select(b => new JournalRecord(b.Item.Key, b.Item.Kind, new() { [ResultName] = b.Blob.Result.Value }, seconds))]);
        foreach ((WorkItem item, Task<BlobId> blob) in batch)
        {
            TaskCompletionSource<BlobId>? result;
            lock (_lock)
                _underWay.Remove(item.Key, out result);
            _seconds.Add(_stage, item.Key, seconds);
            _progress.Finish();
            result?.TrySetResult(await blob);
        }

        batch.Clear();
    }

    private static Task<BlobId> Ended(Exception why) =>
        why is OperationCanceledException ? Task.FromCanceled<BlobId>(new CancellationToken(canceled: true)) : Task.FromException<BlobId>(why);
}
