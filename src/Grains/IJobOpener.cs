using QuantCluster.Jobs;

namespace QuantCluster.Grains;

/// <summary>Gives a silo what it needs of a job to do its items.</summary>
public interface IJobOpener
{
    /// <param name="folder">The job's folder, as this silo sees it.</param>
    /// <exception cref="QuantException">There is no job, or one of its sources is gone or another.</exception>
    OpenJob Open(string folder);
}

/// <summary>A job opened on a silo; disposing of it lets its data and warm sessions go.</summary>
public sealed record OpenJob(JobContext Context, IDisposable Resources) : IDisposable
{
    public void Dispose() => Resources.Dispose();
}
