using QuantCluster.Jobs.Stages;
using QuantCluster.Search;

namespace QuantCluster.Jobs;

/// <summary>
/// Everything a process needs to do any item of a job, warm from one item to the next. An item names by hash all that
/// it depends on, so it does not matter which process made it. Thread-safe.
/// </summary>
public sealed class WorkHandlers : IDisposable
{
    private readonly CalibrateBlock _calibrate;
    private readonly EvaluateTrial _trials;
    private readonly CorrectTrial _corrections;

    /// <param name="blobs">The job's values.</param>
    /// <param name="sources">The job's data, opened here.</param>
    /// <param name="threadsPerRun">Threads inside one model run. Does not change results.</param>
    /// <param name="workers">Items at a time: as many sessions stay warm.</param>
    public WorkHandlers(IBlobStore blobs, JobSources sources, int threadsPerRun, int workers)
    {
        Values = new JobValues(blobs);
        Trials = new TrialStore(Values);
        _calibrate = new CalibrateBlock(Values, sources, threadsPerRun, workers);
        _trials = new EvaluateTrial(Values, Trials, sources, threadsPerRun, workers);
        _corrections = new CorrectTrial(Values, Trials, sources, threadsPerRun);
        ByKind = new IWorkHandler[] { _calibrate, new MergeStatistics(Values), new EstimateRanges(Values), _trials, _corrections, new MeasureLatency(Values, sources), new ProfileKernels(Values, sources) }.ToDictionary(h => h.Kind);
    }

    /// <summary>Kind of item to what does it.</summary>
    public IReadOnlyDictionary<string, IWorkHandler> ByKind { get; }

    internal JobValues Values { get; }

    internal TrialStore Trials { get; }

    /// <inheritdoc cref="EvaluateTrial.WithAffinityAsync"/>
    internal ValueTask<WorkItem[]> WithAffinityAsync(BlobId id, Trial trial, BlobId model, WorkItem[] items) => _trials.WithAffinityAsync(id, trial, model, items);

    /// <summary>Lets warm sessions and values go: between stages, or when no item came for a while. Items may go on meanwhile.</summary>
    public void Release()
    {
        _calibrate.Release();
        _trials.Release();
        _corrections.Release();
        Values.Release();
    }

    /// <summary>Only when no item is being done.</summary>
    public void Dispose() => Release();
}
