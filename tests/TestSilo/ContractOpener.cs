using QuantCluster.Cluster;
using QuantCluster.Grains;
using QuantCluster.Tests.Jobs;

namespace QuantCluster.TestSilo;

/// <summary>A folder without a job is one of the contract's.</summary>
internal sealed class ContractOpener(JobStore store, CoreGate cores) : IJobOpener
{
    private readonly StoreOpener _jobs = new(store, cores);

    public OpenJob Open(string job)
    {
        string folder = Path.Combine(store.Jobs, job);
        return File.Exists(Path.Combine(folder, "job.json")) ? _jobs.Open(job) : new OpenJob(Hashing.Open(folder), () => { });
    }
}
