namespace QuantCluster.Jobs;

/// <summary>
/// A job as those see it who only do its items: the same folder, on a file system they share with the coordinator,
/// without its lock and its journal.
/// </summary>
public sealed class WorkerJob : IDisposable
{
    private readonly JobSources _sources;

    private WorkerJob(string folder, JobSpecification specification, JobSources sources, int threadsPerRun, int workers)
    {
        _sources = sources;
        Specification = specification;
        Blobs = new FolderBlobStore(Path.Combine(folder, "blobs"));
        Handlers = new WorkHandlers(Blobs, sources, threadsPerRun, workers);
        Context = new JobContext(Blobs, Handlers.ByKind) { Folder = folder };
    }

    public JobSpecification Specification { get; }

    public IBlobStore Blobs { get; }

    public WorkHandlers Handlers { get; }

    /// <summary>What <see cref="IWorkHandler.ExecuteAsync"/> is given.</summary>
    public JobContext Context { get; }

    /// <summary>Opens a job's folder; its model and data are checked to be what they were.</summary>
    /// <param name="folder">The job's folder.</param>
    /// <param name="threadsPerRun">Threads inside one model run.</param>
    /// <param name="workers">Items that will be done at a time.</param>
    /// <exception cref="QuantException">There is no job, or one of its sources is gone or another.</exception>
    public static WorkerJob Open(string folder, int threadsPerRun, int workers)
    {
        JobSpecification specification = JobDirectory.ReadSpecification(folder);
        JobSources sources = JobSources.Reopen(specification);
        sources.ReleaseModel();
        return new WorkerJob(Path.GetFullPath(folder), specification, sources, threadsPerRun, workers);
    }

    /// <summary>Does an item.</summary>
    /// <exception cref="QuantException">The item's inputs are wrong, or nobody here does items of its kind.</exception>
    public ValueTask<byte[]> ExecuteAsync(WorkItem item, CancellationToken cancellation) => Context.ExecuteAsync(item, cancellation);

    public void Dispose()
    {
        Handlers.Dispose();
        _sources.Dispose();
    }
}
