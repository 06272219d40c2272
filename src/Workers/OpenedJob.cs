using QuantCluster.Jobs;

namespace QuantCluster.Workers;

/// <summary>A job as a worker has it open to do its items.</summary>
/// <param name="Context">What handlers are given.</param>
/// <param name="Close">Lets its files and sessions go.</param>
public sealed record OpenedJob(JobContext Context, Action Close);
