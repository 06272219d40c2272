using QuantCluster.Cluster;
using QuantCluster.Jobs;

namespace QuantCluster.Workers;

/// <summary>Who there is to do items, as of a moment ago.</summary>
/// <param name="warm">Told who is there.</param>
internal sealed class Capacity(WorkerRegistry registry, string version, WarmWorkers warm)
{
    /// <summary>While no one is there: the first who comes finds something.</summary>
    private const int Least = 4;

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private long _looked;

    public IReadOnlyList<ClusterMember> Members { get; private set; } = [];

    public int Cores { get; private set; }

    /// <summary>How many items may be under way: enough that no core waits, few enough that nothing piles up.</summary>
    public int Outstanding => Math.Max(Least, (2 * Cores) + 2);

    /// <summary>How many items may be taken from their source before their results are read.</summary>
    public int Ahead => 2 * Outstanding;

    public async ValueTask LookAsync(CancellationToken cancellation)
    {
        if (_looked != 0 && TimeProvider.System.GetElapsedTime(_looked) <= Pause)
            return;
        Members = [.. (await registry.ReadAsync(cancellation)).Where(m => m.Version == version)];
        warm.KeepOnly(Members.Select(m => m.Name));
        Cores = Members.Sum(m => m.Cores);
        _looked = TimeProvider.System.GetTimestamp();
    }
}
