using QuantCluster.Grains;
using QuantCluster.Tests.Jobs;

namespace QuantCluster.TestSilo;

/// <summary>A folder without a job is one of the contract's.</summary>
internal sealed class ContractOpener(CoreGate cores) : IJobOpener
{
    private readonly JobFolderOpener _jobs = new(cores);

    public OpenJob Open(string folder) => File.Exists(Path.Combine(folder, "job.json"))
        ? _jobs.Open(folder)
        : new OpenJob(Hashing.Open(folder), new MemoryStream());
}
