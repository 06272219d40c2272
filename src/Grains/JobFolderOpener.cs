using QuantCluster.Jobs;

namespace QuantCluster.Grains;

/// <summary>Opens jobs by their folder on the file system that silos share.</summary>
/// <param name="cores">Items the silo does at a time; each runs on one thread.</param>
public sealed class JobFolderOpener(CoreGate cores) : IJobOpener
{
    public OpenJob Open(string folder)
    {
        WorkerJob job = WorkerJob.Open(folder, threadsPerRun: 1, workers: cores.Cores);
        return new OpenJob(job.Context, job);
    }
}
