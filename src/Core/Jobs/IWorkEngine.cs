namespace QuantCluster.Jobs;

/// <summary>Does one kind of work item. Called from several threads at a time; keeps models warm between items.</summary>
public interface IWorkHandler
{
    string Kind { get; }

    /// <summary>The item's result; the same bytes on every machine of the same CPU type.</summary>
    /// <exception cref="QuantException">The inputs are wrong: trying again would not help.</exception>
    ValueTask<byte[]> ExecuteAsync(WorkItem item, JobContext job, CancellationToken cancellation);
}

/// <summary>What a worker needs of a job to do its items.</summary>
/// <param name="Blobs">The job's values.</param>
/// <param name="Handlers">How to do each kind of item.</param>
public sealed record JobContext(IBlobStore Blobs, IReadOnlyDictionary<string, IWorkHandler> Handlers)
{
    /// <summary>
    /// The job's folder, as every machine that does its items sees it: what an engine sends instead of handlers, and
    /// <see cref="WorkerJob.Open"/> makes them from. Empty where there is none.
    /// </summary>
    public string Folder { get; init; } = "";

    /// <exception cref="QuantException">No one here does items of this kind.</exception>
    public IWorkHandler HandlerOf(WorkItem item) => Handlers.TryGetValue(item.Kind, out IWorkHandler? handler) ? handler
        : throw new QuantException(ExitCode.InternalError, $"no one here does work items of kind '{item.Kind}'");

    /// <summary>Does an item, and tells of it (<see cref="WorkInstruments"/>).</summary>
    /// <exception cref="QuantException">The item's inputs are wrong, or nobody here does items of its kind.</exception>
    public ValueTask<byte[]> ExecuteAsync(WorkItem item, CancellationToken cancellation) =>
        WorkInstruments.MeasureAsync(item, () => HandlerOf(item).ExecuteAsync(item, this, cancellation));
}

/// <summary>
/// Decides where items run and what happens when a machine dies; knows nothing of what they compute.
/// <list type="bullet">
/// <item>Every item gives exactly one result, in any order.</item>
/// <item>An item that fails is tried again, <see cref="MaximumAttempts"/> times in all (once for a
/// <see cref="QuantException"/>), then reported as failed; the others go on. A worker's death is no failure of its items:
/// deaths are counted apart, and bounded (<see cref="Cluster.BegunItems"/>).</item>
/// <item>Items are taken from the source only as results are read: neither piles up.</item>
/// <item>What an item says it shares with others (<see cref="WorkItem.Affinity"/>) is a wish: no worker is idle because of it.</item>
/// <item>After cancellation, or when the reader stops reading, nothing is left running.</item>
/// </list>
/// </summary>
public interface IWorkEngine
{
    const int MaximumAttempts = 3;

    string Name { get; }

    /// <summary>Whether items are done by other processes, so that what the coordinator need not do itself leaves it time for them.</summary>
    bool IsRemote => false;

    IAsyncEnumerable<WorkResult> ExecuteAsync(JobContext job, IAsyncEnumerable<WorkItem> items, CancellationToken cancellation = default);
}
