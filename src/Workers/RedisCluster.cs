using QuantCluster.Cluster;

namespace QuantCluster.Workers;

/// <summary>A cluster of Redis workers, as a client sees it.</summary>
public sealed class RedisCluster(RedisLink link) : ICluster
{
    public string Engine => "redis";

    public async Task AnnounceAsync(string job, CancellationToken cancellation = default)
    {
        await link.InsistAsync(r => r.SetAddAsync(RedisKeys.OpenJobs, job), cancellation);
        await link.Subscriber.PublishAsync(RedisKeys.Wake, job);
    }

    public Task<IReadOnlyList<ClusterMember>> MembersAsync(CancellationToken cancellation = default) => new WorkerRegistry(link).ReadAsync(cancellation);

    public ValueTask DisposeAsync() => link.DisposeAsync();
}
