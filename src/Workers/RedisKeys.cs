using StackExchange.Redis;

namespace QuantCluster.Workers;

/// <summary>
/// Every key in Redis. All of it can be lost at any moment: streams are filled again by the jobs' coordinators, jobs are
/// found again in the store.
/// </summary>
internal static class RedisKeys
{
    /// <summary>The consumer group that all workers are in, on every stream of items.</summary>
    public const string Group = "workers";

    /// <summary>Set: jobs that wait or are being done.</summary>
    public static readonly RedisKey OpenJobs = "quant:jobs:open";

    /// <summary>Sorted set: jobs (and the build that does them) with items to do, by the time in ms they were last said to be.</summary>
    public static readonly RedisKey ActiveJobs = "quant:jobs:active";

    /// <summary>Set: names of workers, some of them gone.</summary>
    public static readonly RedisKey Workers = "quant:workers";

    /// <summary>Channel: a job was announced, or became active.</summary>
    public static readonly RedisChannel Wake = RedisChannel.Literal("quant:wake");

    /// <summary>Channel: the run named in the message is over, its items are to be stopped.</summary>
    public static readonly RedisChannel Stop = RedisChannel.Literal("quant:stop");

    /// <summary>String with a lifetime: how a worker described itself last.</summary>
    public static RedisKey Worker(string name) => $"quant:worker:{name}";

    /// <summary>String with a lifetime: who coordinates a job.</summary>
    public static RedisKey Lease(string job) => $"quant:job:{job}:lease";

    /// <summary>Stream: a job's items that are not finished.</summary>
    public static RedisKey Items(string job) => $"quant:job:{job}:items";

    /// <summary>String with a lifetime: someone still reads the results of this run of items.</summary>
    public static RedisKey Run(string run) => $"quant:run:{run}";

    /// <summary>Stream: results that the coordinator has not read.</summary>
    public static RedisKey Results(string run) => $"quant:run:{run}:results";
}
