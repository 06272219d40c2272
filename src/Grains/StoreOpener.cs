using QuantCluster.Cluster;
using QuantCluster.Jobs;

namespace QuantCluster.Grains;

/// <summary>Opens jobs of the store that silos share, once they are known to be harmless.</summary>
/// <param name="store">The store.</param>
/// <param name="cores">Items the silo does at a time; each runs on one thread.</param>
public sealed class StoreOpener(JobStore store, CoreGate cores) : IJobOpener
{
    public OpenJob Open(string job)
    {
        if (!JobStore.IsId(job))
            throw new QuantException(ExitCode.Usage, $"'{job}' is no job's id.");
        StoredJob stored = new(store, job);
        SubmissionCheck.Require(stored, SubmissionLimits.Default);
        WorkerJob opened = WorkerJob.Open(stored.Folder, threadsPerRun: 1, workers: cores.Cores);
        return new OpenJob(opened.Context, opened.Dispose);
    }
}
