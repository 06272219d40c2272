using System.Diagnostics;

namespace QuantCluster.Jobs;

/// <summary>
/// Runs stages so that what is finished is never done again: each stage and item is looked up in the journal by the
/// hash of what it depends on, else computed, its outputs stored, and then journalled. The order matters: a journal
/// line never names a blob that is not safely on the disk.
/// </summary>
public sealed class StageRunner(JobDirectory directory, IWorkEngine engine, IProgress<JobProgress>? progress = null)
{
    private readonly StageSeconds _seconds = new();

    /// <summary>Seconds of work by stage, that of earlier processes included.</summary>
    public IReadOnlyDictionary<string, double> Seconds => _seconds.ToDictionary();

    /// <summary>Seconds of one stage so far.</summary>
    public double SecondsOf(string stage) => _seconds.Of(stage);

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
            _seconds.Add(name, key, record.Seconds);
        progress?.Report(new JobProgress(name, 1, 1));
        return record.Outputs.ToDictionary(o => o.Key, o => BlobId.Parse(o.Value));
    }

    /// <summary>A stage's items, on the engine as long as they are asked for.</summary>
    /// <param name="stage">What times and progress are told of.</param>
    /// <param name="handlers">How to do each kind of item.</param>
    public StageItems Open(string stage, IReadOnlyDictionary<string, IWorkHandler> handlers) =>
        new(directory, engine, new JobContext(directory.Blobs, handlers) { Folder = directory.Path }, stage, _seconds, progress);

    /// <summary>Does a stage's items on the engine.</summary>
    /// <returns>The items' results, in the items' order whatever the order they were finished in.</returns>
    /// <exception cref="QuantException">An item failed for good.</exception>
    public async Task<IReadOnlyList<BlobId>> RunItemsAsync(
        string stage, IReadOnlyList<WorkItem> items, IReadOnlyDictionary<string, IWorkHandler> handlers, CancellationToken cancellation)
    {
        await using StageItems open = Open(stage, handlers);
        return await open.RunAsync(items, cancellation);
    }

    private async ValueTask<JournalRecord?> FindAsync(string key, CancellationToken cancellation) =>
        directory.Journal.Find(key) is { } record && await directory.IsIntactAsync(record, cancellation) ? record : null;

    private async Task<IReadOnlyDictionary<string, BlobId>> StoreAsync(IReadOnlyDictionary<string, byte[]> outputs, CancellationToken cancellation)
    {
        SortedDictionary<string, BlobId> blobs = [];
        foreach ((string name, byte[] bytes) in outputs)
            blobs[name] = await directory.Blobs.PutAsync(bytes, cancellation);
        return blobs;
    }
}
