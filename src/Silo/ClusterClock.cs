using StackExchange.Redis;

namespace QuantCluster.Silo;

/// <summary>
/// The time of the cluster's Redis, told by this machine's clock and how far that was off when the silo started. Silos
/// judge by time whether another is still there, and machines' clocks differ.
/// </summary>
internal sealed class ClusterClock(TimeProvider machine, TimeSpan off) : TimeProvider
{
    /// <summary>Asks Redis what time it is; where it does not answer, the machine's clock has to do.</summary>
    public static async Task<TimeProvider> SetByAsync(ConfigurationOptions redis, TimeProvider machine)
    {
        try
        {
            await using ConnectionMultiplexer connection = await ConnectionMultiplexer.ConnectAsync(redis);
            RedisResult[] time = (RedisResult[])(await connection.GetDatabase().ExecuteAsync("TIME"))!;
            DateTimeOffset there = DateTimeOffset.FromUnixTimeSeconds((long)time[0]).AddMicroseconds((long)time[1]);
            return new ClusterClock(machine, there - machine.GetUtcNow());
        }
        catch (Exception e) when (e is RedisException or TimeoutException)
        {
            // The silo will not come up without Redis, and says so then.
            return machine;
        }
    }

    public override DateTimeOffset GetUtcNow() => machine.GetUtcNow() + off;
}
