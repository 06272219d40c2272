using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace QuantCluster.Jobs;

/// <summary>
/// Runs stages so that what is finished is never done again: each stage and item is looked up in the journal by the
/// hash of what it depends on, else computed, its outputs stored, and then journalled. The order matters: a journal
/// line never names a blob that is not safely on the disk.
/// </summary>
public sealed class StageRunner(JobDirectory directory, IWorkEngine engine, IProgress<JobProgress>? progress = null)
{
    private readonly Dictionary<string, double> _seconds = [];

    /// <summary>Seconds of work by stage, that of earlier processes included.</summary>
    public IReadOnlyDictionary<string, double> Seconds => _seconds;

    /// <inheritdoc cref="IWorkEngine.IsRemote"/>
    public bool IsRemote => engine.IsRemote;

    /// <inheritdoc cref="RunAsync(string, IEnumerable{string}, Func{CancellationToken, Task{IReadOnlyDictionary{string, byte[]}}}, CancellationToken, bool)"/>
    public Task<IReadOnlyDictionary<string, BlobId>> RunAsync(
        string name, IEnumerable<string> inputs, Func<CancellationToken, IReadOnlyDictionary<string, byte[]>> compute, CancellationToken cancellation) =>
        RunAsync(name, inputs, c => Task.FromResult(compute(c)), cancellation);

    /// <summary>Does a stage that is one computation.</summary>
    /// <param name="name">The stage.</param>
    /// <param name="inputs">Hashes and settings that the result depends on.</param>
    /// <param name="compute">Output name to bytes.</param>
    /// <param name="isWhole">Whether its seconds count as the stage's; not where it runs items of the same stage, which count.</param>
    /// <returns>Output name to blob.</returns>
    public Task<IReadOnlyDictionary<string, BlobId>> RunAsync(
        string name, IEnumerable<string> inputs, Func<CancellationToken, Task<IReadOnlyDictionary<string, byte[]>>> compute, CancellationToken cancellation, bool isWhole = true) =>
        RunStoringAsync(name, inputs, async c => await StoreAsync(await compute(c), c), cancellation, isWhole);

    /// <summary>Does a stage that is one computation, and stores its outputs itself, as large ones must be.</summary>
    /// <inheritdoc cref="RunAsync(string, IEnumerable{string}, Func{CancellationToken, Task{IReadOnlyDictionary{string, byte[]}}}, CancellationToken, bool)"/>
    /// <param name="compute">Output name to blob.</param>
    public async Task<IReadOnlyDictionary<string, BlobId>> RunStoringAsync(
        string name, IEnumerable<string> inputs, Func<CancellationToken, Task<IReadOnlyDictionary<string, BlobId>>> compute, CancellationToken cancellation, bool isWhole = true)
    {
        cancellation.ThrowIfCancellationRequested();
        string key = ContentHash.Of([name, directory.Specification.Tool, .. inputs]);
        progress?.Report(new JobProgress(name, 0, 1));
        if (await FindAsync(key, cancellation) is not { } record)
        {
            long started = Stopwatch.GetTimestamp();
            using WorkInstruments.StageSpan span = WorkInstruments.BeginStage(name);
            IReadOnlyDictionary<string, BlobId> outputs = await Task.Run(() => compute(cancellation), cancellation);
            record = new JournalRecord(key, name, new(outputs.ToDictionary(o => o.Key, o => o.Value.Value)), Stopwatch.GetElapsedTime(started).TotalSeconds);
            directory.Journal.Append(record);
        }

        if (isWhole)
            AddSeconds(name, record.Seconds);
        progress?.Report(new JobProgress(name, 1, 1));
        return record.Outputs.ToDictionary(o => o.Key, o => BlobId.Parse(o.Value));
    }

    /// <summary>Does a stage's items on the engine.</summary>
    /// <returns>The items' results, in the items' order whatever the order they were finished in.</returns>
    /// <exception cref="QuantException">An item failed for good.</exception>
    public async Task<IReadOnlyList<BlobId>> RunItemsAsync(
        string stage, IReadOnlyList<WorkItem> items, IReadOnlyDictionary<string, IWorkHandler> handlers, CancellationToken cancellation)
    {
        Dictionary<string, BlobId> results = [];
        List<WorkItem> open = [];
        foreach (WorkItem item in items)
        {
            if (await FindAsync(item.Key, cancellation) is { } record)
            {
                results[item.Key] = BlobId.Parse(record.Outputs[ResultName]);
                AddSeconds(stage, record.Seconds);
            }
            else
            {
                open.Add(item);
            }
        }

        progress?.Report(new JobProgress(stage, results.Count, items.Count));
        long started = Stopwatch.GetTimestamp();
        using WorkInstruments.StageSpan span = WorkInstruments.BeginStage(stage);
        JobContext context = new(directory.Blobs, handlers) { Folder = directory.Path };
        using CancellationTokenSource failed = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        await using IAsyncEnumerator<WorkResult> finished = engine.ExecuteAsync(context, Stream(open, failed.Token), failed.Token).GetAsyncEnumerator(failed.Token);
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
                        batch.Add((result.Item, Task.Run(() => directory.Blobs.PutAsync(result.Bytes, CancellationToken.None).AsTask(), CancellationToken.None)));
                    next = finished.MoveNextAsync().AsTask();
                }
                while (failure is null && batch.Count < LargestBatch && next is { IsCompletedSuccessfully: true, Result: true });
                await KeepAsync();
                if (failure is not null)
                    throw new QuantException(failure.Code, failure.Message);
            }
        }
        catch (Exception e)
        {
            await failed.CancelAsync();
            await ((Task)next).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

            // What was finished when the job was stopped is not done again.
            if (e is OperationCanceledException)
                await KeepAsync();
            throw;
        }

        return [.. items.Select(i => results[i.Key])];

        async Task KeepAsync()
        {
            await Task.WhenAll(batch.Select(b => b.Blob));

            // The stage's wall time is shared among the items, so that a resumed job can add it up again.
            double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds / Math.Max(1, batch.Count);
            started = Stopwatch.GetTimestamp();
            directory.Journal.Append([.. batch.Select(b => new JournalRecord(b.Item.Key, b.Item.Kind, new() { [ResultName] = b.Blob.Result.Value }, seconds))]);
            foreach ((WorkItem item, Task<BlobId> blob) in batch)
            {
                AddSeconds(stage, seconds);
                results[item.Key] = await blob;
                progress?.Report(new JobProgress(stage, results.Count, items.Count));
            }

            batch.Clear();
        }
    }

    private const string ResultName = "result";

    /// <summary>Results that are stored side by side and journalled with one flush.</summary>
    private const int LargestBatch = 32;

    private static async IAsyncEnumerable<WorkItem> Stream(List<WorkItem> items, [EnumeratorCancellation] CancellationToken cancellation)
    {
        foreach (WorkItem item in items)
        {
            cancellation.ThrowIfCancellationRequested();
            yield return item;
        }

        await Task.CompletedTask;
    }

    private async ValueTask<JournalRecord?> FindAsync(string key, CancellationToken cancellation)
    {
        if (directory.Journal.Find(key) is not { } record)
            return null;
        foreach (string blob in record.Outputs.Values)
        {
            if (!await directory.Blobs.IsIntactAsync(BlobId.Parse(blob), cancellation))
                return null;
        }

        return record;
    }

    private async Task<IReadOnlyDictionary<string, BlobId>> StoreAsync(IReadOnlyDictionary<string, byte[]> outputs, CancellationToken cancellation)
    {
        SortedDictionary<string, BlobId> blobs = [];
        foreach ((string name, byte[] bytes) in outputs)
            blobs[name] = await directory.Blobs.PutAsync(bytes, cancellation);
        return blobs;
    }

    private void AddSeconds(string stage, double seconds) => _seconds[stage] = _seconds.GetValueOrDefault(stage) + seconds;
}
