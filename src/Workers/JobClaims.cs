using System.Collections.Concurrent;
using QuantCluster.Cluster;
using StackExchange.Redis;

namespace QuantCluster.Workers;

/// <summary>
/// Finds jobs of the store that no one coordinates, and coordinates them: one job to one worker at a time, by a lease in
/// Redis. A worker that cannot renew its lease stops by its own watch, before another may begin.
/// </summary>
internal sealed class JobClaims(RedisLink link, JobStore store, WorkerSettings settings, Action<string> log)
{
    private readonly string _holder = $"{settings.Name} {Guid.NewGuid():N}";
    private readonly ConcurrentDictionary<string, Claim> _claims = new();
    private readonly ConcurrentDictionary<string, long> _later = new();
    private readonly SemaphoreSlim _wake = new(0, 1);
    private long _scanned;

    /// <summary>Jobs being coordinated here.</summary>
    public int Count => _claims.Count;

    /// <summary>A job was announced. Thread-safe.</summary>
    public void Wake()
    {
        try
        {
            _wake.Release();
        }
        catch (SemaphoreFullException)
        {
            // It has not looked since the last time.
        }
    }

    /// <summary>Looks for jobs until the end; then lets go of those it has, for others to go on with.</summary>
    public async Task RunAsync(CancellationToken leave)
    {
        while (!leave.IsCancellationRequested)
        {
            try
            {
                await ScanAsync();
                foreach (RedisValue id in await link.Database.SetMembersAsync(RedisKeys.OpenJobs))
                {
                    if (_claims.Count < settings.Jobs && !leave.IsCancellationRequested)
                        await TryClaimAsync(id.ToString(), leave);
                }
            }
            catch (Exception e) when (RedisLink.IsPassing(e) || e is IOException)
            {
                // Redis or the store is away for a moment.
            }

            await _wake.WaitAsync(settings.Timing.Wait);
        }

        await Task.WhenAll(_claims.Values.Select(c => c.Running));
    }

    /// <summary>Keeps what is held; called more often than a lease lasts. Cancels what is held no longer.</summary>
    public void Renew()
    {
        foreach ((string job, Claim claim) in _claims)
        {
            long asked = TimeProvider.System.GetTimestamp();
            try
            {
                if ((long)link.Database.ScriptEvaluate(RedisScripts.Hold, [RedisKeys.Lease(job)], [_holder, (long)settings.Timing.Lease.TotalMilliseconds]) == 1)
                {
                    // The time of asking, not of the answer: the lease runs from before.
                    claim.Renewed = asked;
                    continue;
                }

                claim.Lose();
            }
            catch (Exception e) when (RedisLink.IsPassing(e))
            {
                if (TimeProvider.System.GetElapsedTime(claim.Renewed) > settings.Timing.Lease * 0.8)
                    claim.Lose();
            }
        }
    }

    /// <summary>Redis forgets: jobs that it does not know of are found in the store.</summary>
    private async Task ScanAsync()
    {
        if (_scanned != 0 && TimeProvider.System.GetElapsedTime(_scanned) < settings.Rescan)
            return;
        _scanned = TimeProvider.System.GetTimestamp();
        RedisValue[] open = [.. store.All().Where(j => j.ReadState() is { IsOver: false, Engine: "redis" or "" }).Select(j => (RedisValue)j.Id)];
        if (open.Length > 0)
            await link.Database.SetAddAsync(RedisKeys.OpenJobs, open);
    }

    private async Task TryClaimAsync(string id, CancellationToken leave)
    {
        if (_claims.ContainsKey(id) || (_later.TryGetValue(id, out long failed) && TimeProvider.System.GetElapsedTime(failed) < settings.Retry))
            return;
        StoredJob job = new(store, id);
        if (!JobStore.IsId(id) || !job.Exists || job.ReadState() is { IsOver: true })
        {
            await link.Database.SetRemoveAsync(RedisKeys.OpenJobs, id);
            return;
        }

        long asked = TimeProvider.System.GetTimestamp();
        if ((long)await link.Database.ScriptEvaluateAsync(RedisScripts.Hold, [RedisKeys.Lease(id)], [_holder, (long)settings.Timing.Lease.TotalMilliseconds]) != 1)
            return;
        Claim claim = new(leave) { Renewed = asked };
        _claims[id] = claim;
        claim.Running = Task.Run(() => CoordinateAsync(job, claim), CancellationToken.None);
    }

    private async Task CoordinateAsync(StoredJob job, Claim claim)
    {
        log($"coordinates {job.Id}");
        try
        {
            await using RedisEngine engine = new(link, settings.Timing, settings.Version);
            StoredJobRun run = new(job, settings.Name, TimeProvider.System) { Limits = settings.Limits, Workers = () => engine.Workers };
            JobState state = await run.RunAsync(engine, claim.Lost);
            log($"{job.Id}: {state.Phase.ToString().ToLowerInvariant()}{(state.Message is null ? "" : $": {state.Message}")}");
            if (state.IsOver)
                await link.InsistAsync(r => r.SetRemoveAsync(RedisKeys.OpenJobs, job.Id), claim.Lost);
            else
                _later[job.Id] = TimeProvider.System.GetTimestamp();
        }
        catch (OperationCanceledException)
        {
            log($"leaves {job.Id} to another");
        }
        catch (Exception e)
        {
            log($"{job.Id}: {e.Message}");
            _later[job.Id] = TimeProvider.System.GetTimestamp();
        }

        _claims.TryRemove(job.Id, out _);
        try
        {
            await link.Database.ScriptEvaluateAsync(RedisScripts.Release, [RedisKeys.Lease(job.Id)], [_holder]);
            await link.Subscriber.PublishAsync(RedisKeys.Wake, job.Id);
        }
        catch (Exception e) when (RedisLink.IsPassing(e))
        {
            // The lease ends by itself.
        }
    }

    private sealed class Claim(CancellationToken leave)
    {
        private readonly CancellationTokenSource _lost = CancellationTokenSource.CreateLinkedTokenSource(leave);

        public CancellationToken Lost => _lost.Token;

        public long Renewed { get; set; }

        public Task Running { get; set; } = Task.CompletedTask;

        public void Lose() => _lost.Cancel();
    }
}
