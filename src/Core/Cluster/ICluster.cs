namespace QuantCluster.Cluster;

/// <summary>A process that does jobs of a cluster, as it last described itself.</summary>
/// <param name="Name">Unique in the cluster.</param>
/// <param name="Machine">Host name.</param>
/// <param name="Process">Process id on that machine.</param>
/// <param name="Cores">Work items it does at a time.</param>
/// <param name="Busy">Work items it is doing.</param>
/// <param name="Done">Work items it has finished since it came.</param>
/// <param name="Jobs">Jobs it coordinates.</param>
/// <param name="Version">The program's build: members of another build leave each other's jobs alone.</param>
/// <param name="Uptime">How long it has been there.</param>
public sealed record ClusterMember(string Name, string Machine, int Process, int Cores, int Busy, long Done, int Jobs, string Version, TimeSpan Uptime);

/// <summary>
/// What a client needs of a cluster besides the shared <see cref="JobStore"/>, which holds everything about jobs
/// themselves: what is asked, how far it is, what came of it.
/// </summary>
public interface ICluster : IAsyncDisposable
{
    /// <summary>As <c>--engine</c> names it.</summary>
    string Engine { get; }

    /// <summary>Tells the cluster that a job of the store waits. A cluster that missed it finds the job by itself, only later.</summary>
    Task AnnounceAsync(string job, CancellationToken cancellation = default);

    /// <summary>Who is there now, by name.</summary>
    Task<IReadOnlyList<ClusterMember>> MembersAsync(CancellationToken cancellation = default);
}
