using QuantCluster.Cluster;
using StackExchange.Redis;

namespace QuantCluster.Workers;

/// <summary>
/// Says that a worker lives, and keeps the items and jobs it has its own, on a thread that nothing else can hold up.
/// </summary>
internal sealed class Heartbeat(RedisLink link, WorkerSettings settings, ItemDesk desk, JobClaims claims, JobShelf shelf, Func<int, long, int, ClusterMember> describe)
{
    private static readonly TimeSpan KeptOpen = TimeSpan.FromSeconds(60);

    private Thread? _thread;

    public void Start(CancellationToken gone)
    {
        Beat();
        _thread = new Thread(() =>
        {
            while (!gone.WaitHandle.WaitOne(settings.Timing.Heartbeat))
                Beat();
        })
        {
            IsBackground = true,
            Name = "heartbeat",
        };
        _thread.Start();
    }

    public void Join() => _thread?.Join();

    private void Beat()
    {
        try
        {
            claims.Renew();
            IDatabase redis = link.Database;
            WorkerRegistry.Say(redis, describe(desk.Busy, desk.Done, claims.Count), settings.Timing.Lease);
            foreach (IGrouping<string, Delivery> job in desk.AtWork.GroupBy(d => d.Job))
                redis.StreamClaimIdsOnly(RedisKeys.Items(job.Key), RedisKeys.Group, settings.Name, 0, [.. job.Select(d => d.Id)]);
            foreach (string run in desk.AtWork.Select(d => d.Message.Run).Distinct())
            {
                if (!redis.KeyExists(RedisKeys.Run(run)))
                    desk.Stop(run);
            }
        }
        catch (Exception e) when (RedisLink.IsPassing(e) || e is RedisServerException)
        {
            // Redis is away: the next beat tries again.
        }

        shelf.Close(KeptOpen);
    }
}
