using QuantCluster.Cluster;
using QuantCluster.Jobs;

namespace QuantCluster.Bench;

/// <summary>A cluster of workers of one core each, on a core of its own where the system lets it be given one; gone when disposed.</summary>
internal abstract class ScaleCluster : IAsyncDisposable
{
    /// <summary>As people call it.</summary>
    public abstract string Name { get; }

    public abstract JobStore Store { get; }

    public abstract IWorkEngine Engine { get; }

    /// <summary>What its workers have had of cores so far; zero where that is this process.</summary>
    public virtual TimeSpan WorkersTime => TimeSpan.Zero;

    /// <summary>Every engine of this build.</summary>
    public static IReadOnlyList<(string Name, Func<int, Task<ScaleCluster>> Start)> Kinds { get; } =
    [
        ("redis", RedisScaleCluster.StartAsync),
        .. OrleansScaleClusters.Kinds,
    ];

    public abstract ValueTask DisposeAsync();
}
