using QuantCluster.Cluster;

namespace QuantCluster.Workers;

/// <summary>How many items may be under way: enough that no core waits, few enough that nothing piles up.</summary>
internal sealed class Capacity(WorkerRegistry registry, string version)
{
    /// <summary>While no one is there: the first who comes finds something.</summary>
    private const int Least = 4;

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private long _looked;
    private int _cores;

    public int Workers { get; private set; }

    public async ValueTask<int> OutstandingAsync(CancellationToken cancellation)
    {
        if (_looked == 0 || TimeProvider.System.GetElapsedTime(_looked) > Pause)
        {
            IReadOnlyList<ClusterMember> members = [.. (await registry.ReadAsync(cancellation)).Where(m => m.Version == version)];
            (_cores, Workers) = (members.Sum(m => m.Cores), members.Count);
            _looked = TimeProvider.System.GetTimestamp();
        }

        return Math.Max(Least, (2 * _cores) + 2);
    }
}
