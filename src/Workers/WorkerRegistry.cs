using System.Text.Json;
using QuantCluster.Cluster;
using StackExchange.Redis;

namespace QuantCluster.Workers;

/// <summary>Who is in the cluster: each worker says so again before its word is too old.</summary>
internal sealed class WorkerRegistry(RedisLink link)
{
    public async Task<IReadOnlyList<ClusterMember>> ReadAsync(CancellationToken cancellation)
    {
        return await link.InsistAsync(async redis =>
        {
            RedisValue[] names = await redis.SetMembersAsync(RedisKeys.Workers);
            if (names.Length == 0)
                return [];
            RedisValue[] words = await redis.StringGetAsync([.. names.Select(n => RedisKeys.Worker(n.ToString()))]);
            RedisValue[] gone = [.. names.Where((_, i) => words[i].IsNull)];
            if (gone.Length > 0)
                await redis.SetRemoveAsync(RedisKeys.Workers, gone);
            return (IReadOnlyList<ClusterMember>)[.. words.Where(w => !w.IsNull).Select(Parse).OfType<ClusterMember>().OrderBy(m => m.Name, StringComparer.Ordinal)];
        }, cancellation);
    }

    public static void Say(IDatabase redis, ClusterMember member, TimeSpan lifetime)
    {
        redis.StringSet(RedisKeys.Worker(member.Name), JsonSerializer.SerializeToUtf8Bytes(member, MessageJson.Default.ClusterMember), lifetime);
        redis.SetAdd(RedisKeys.Workers, member.Name);
    }

    public static async Task LeaveAsync(IDatabase redis, string name)
    {
        await redis.KeyDeleteAsync(RedisKeys.Worker(name));
        await redis.SetRemoveAsync(RedisKeys.Workers, name);
    }

    private static ClusterMember? Parse(RedisValue word)
    {
        try
        {
            return JsonSerializer.Deserialize(((ReadOnlyMemory<byte>)word).Span, MessageJson.Default.ClusterMember);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
