using QuantCluster.Cluster;
using QuantCluster.Jobs;
using StackExchange.Redis;

namespace QuantCluster.Workers;

/// <summary>
/// A process of the cluster: does items of whatever jobs there are, and coordinates jobs that no one else does. It may
/// come and go at any time.
/// </summary>
public sealed class RedisWorker(RedisLink link, JobStore store, WorkerSettings settings, Func<string, OpenedJob> open, Action<string> log)
{
    private const int SpareThreads = 8;

    private readonly long _came = TimeProvider.System.GetTimestamp();

    /// <summary>Opens jobs of the store as those who only do their items see them, once they are known to be harmless.</summary>
    public static Func<string, OpenedJob> OpenFrom(JobStore store, WorkerSettings settings) => id =>
    {
        StoredJob stored = new(store, id);
        SubmissionCheck.Require(stored, settings.Limits);
        WorkerJob job = WorkerJob.Open(stored.Folder, threadsPerRun: 1, workers: settings.Cores);
        return new OpenedJob(job.Context, job.Dispose);
    };

    /// <summary>Works until it is asked to leave; then it finishes the items it has begun and goes.</summary>
    public async Task RunAsync(CancellationToken leave)
    {
        // Model runs keep as many of the pool's threads as there are cores; Redis must find others.
        ThreadPool.GetMinThreads(out int threads, out int ports);
        ThreadPool.SetMinThreads(Math.Max(threads, settings.Cores + SpareThreads), ports);
        using JobShelf shelf = new(open);
        ItemDesk desk = new(link, store, shelf, settings);
        JobClaims claims = new(link, store, settings, log);
        await using ConnectionMultiplexer waiting = await link.OpenWaitingConnectionAsync();
        ItemSource source = new(link, waiting, settings);
        await link.Subscriber.SubscribeAsync(RedisKeys.Wake, (_, _) =>
        {
            source.Wake();
            claims.Wake();
        });
        await link.Subscriber.SubscribeAsync(RedisKeys.Stop, (_, run) => desk.Stop(run.ToString()));
        using SemaphoreSlim cores = new(settings.Cores);
        using CancellationTokenSource gone = new();
        Heartbeat heartbeat = new(link, settings, desk, claims, shelf, Describe);
        heartbeat.Start(gone.Token);
        log($"works on {settings.Cores} cores as {settings.Name}");
        Task coordinating = settings.Jobs > 0 ? claims.RunAsync(leave) : Task.CompletedTask;
        List<Task> working = [];
        long claimed = 0;
        while (!leave.IsCancellationRequested)
        {
            try
            {
                await cores.WaitAsync(leave);
            }
            catch (OperationCanceledException)
            {
                break;
            }

            Delivery? delivery = null;
            try
            {
                if (TimeProvider.System.GetElapsedTime(claimed) > settings.Timing.Heartbeat)
                {
                    claimed = TimeProvider.System.GetTimestamp();
                    foreach (Delivery found in await source.ClaimAsync(1))
                    {
                        log($"takes over {found.Item.Kind} {found.Item.Argument} of {found.Job}, whose worker is gone");
                        delivery = found;
                        claimed = 0;
                    }
                }

                delivery ??= await source.NextAsync(leave);
            }
            catch (OperationCanceledException)
            {
                // Asked to leave.
            }
            catch (Exception e) when (RedisLink.IsPassing(e))
            {
                await Task.Delay(200, CancellationToken.None);
            }
            catch (Exception e)
            {
                log($"cannot take items: {e.Message}");
                await Task.Delay(1000, CancellationToken.None);
            }

            if (delivery is null)
            {
                cores.Release();
                continue;
            }

            working.RemoveAll(w => w.IsCompleted);
            int needed = 1;
            if (desk.IsSuspect(delivery))
            {
                // Nothing beside it: what it may kill is only itself, and what may kill it is only it.
                log($"does {delivery.Item.Kind} {delivery.Item.Argument} of {delivery.Job} alone: workers died with it");
                desk.Hold(delivery);
                for (; needed < settings.Cores; needed++)
                    await cores.WaitAsync(CancellationToken.None);
            }

            working.Add(Task.Run(() => desk.DoAsync(delivery, () => cores.Release(needed), gone.Token)));
        }

        log("finishes what it has begun, and leaves");
        await Task.WhenAll([.. working, coordinating]);
        await gone.CancelAsync();
        heartbeat.Join();
        try
        {
            await WorkerRegistry.LeaveAsync(link.Database, settings.Name);
        }
        catch (Exception e) when (RedisLink.IsPassing(e))
        {
            // Its word ends by itself.
        }
    }

    private ClusterMember Describe(int busy, long done, int jobs) => new(
        settings.Name, Environment.MachineName, Environment.ProcessId, settings.Cores, busy, done, jobs, settings.Version, TimeProvider.System.GetElapsedTime(_came));
}
