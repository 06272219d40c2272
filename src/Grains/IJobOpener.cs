using QuantCluster.Jobs;

namespace QuantCluster.Grains;

/// <summary>Gives a silo what it needs of a job to do its items.</summary>
public interface IJobOpener
{
    /// <param name="job">The job's id in the store.</param>
    /// <exception cref="QuantException">There is no job, or one of its sources is gone or another.</exception>
    OpenJob Open(string job);
}

/// <summary>A job opened on a silo; disposing of it lets its data and warm sessions go.</summary>
public sealed record OpenJob(JobContext Context, Action Close) : IDisposable
{
    public void Dispose() => Close();
}
