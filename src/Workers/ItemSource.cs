using StackExchange.Redis;

namespace QuantCluster.Workers;

/// <summary>
/// Takes items from the streams of all active jobs of one build in turn, so that a small job does not wait for a large
/// one's end. Not thread-safe.
/// </summary>
internal sealed class ItemSource(RedisLink link, ConnectionMultiplexer waiting, WorkerSettings settings)
{
    private static readonly TimeSpan ListLifetime = TimeSpan.FromMilliseconds(500);

    private readonly Queue<Delivery> _taken = new();
    private readonly SemaphoreSlim _wake = new(0, 1);
    private string[] _jobs = [];
    private long _listed;
    private int _turn;

    /// <summary>Jobs that had items lately.</summary>
    public IReadOnlyList<string> Jobs => _jobs;

    /// <summary>There may be news: looks at once. Thread-safe.</summary>
    public void Wake()
    {
        Volatile.Write(ref _listed, 0);
        try
        {
            _wake.Release();
        }
        catch (SemaphoreFullException)
        {
            // It has not looked since the last time.
        }
    }

    /// <summary>The next item, or null where none came for a moment.</summary>
    public async Task<Delivery?> NextAsync(CancellationToken cancellation)
    {
        if (_taken.TryDequeue(out Delivery? taken))
            return taken;
        await ListAsync();
        if (_jobs.Length == 0)
        {
            await _wake.WaitAsync(settings.Timing.Wait, cancellation);
            return null;
        }

        // One stream at a time while there is something to do: each job gets as many items as any other.
        if (_jobs.Length > 1)
        {
            for (int i = 0; i < _jobs.Length; i++)
            {
                string job = _jobs[_turn++ % _jobs.Length];
                await ReadAsync([job], wait: null);
                if (_taken.TryDequeue(out taken))
                    return taken;
            }
        }

        await ReadAsync(_jobs, settings.Timing.Wait);
        return _taken.TryDequeue(out taken) ? taken : null;
    }

    /// <summary>Items that workers have had for longer than their lease: they are dead, or as good as. Theirs are ours now.</summary>
    public async Task<IReadOnlyList<Delivery>> ClaimAsync(int count)
    {
        List<Delivery> claimed = [];
        IDatabase redis = link.Database;
        foreach (string job in _jobs)
        {
            if (claimed.Count >= count)
                break;
            StreamAutoClaimResult found = await redis.StreamAutoClaimAsync(
                RedisKeys.Items(job), RedisKeys.Group, settings.Name, (long)settings.Timing.Lease.TotalMilliseconds, "0-0", count - claimed.Count);
            foreach (StreamEntry entry in found.ClaimedEntries.Where(e => !e.IsNull))
            {
                if (Delivered(job, entry) is { } delivery)
                    claimed.Add(delivery);
            }
        }

        return claimed;
    }

    private async Task ListAsync()
    {
        if (_listed != 0 && TimeProvider.System.GetElapsedTime(_listed) < ListLifetime)
            return;
        Volatile.Write(ref _listed, TimeProvider.System.GetTimestamp());
        RedisResult active = await link.Database.ScriptEvaluateAsync(
            RedisScripts.Active, [RedisKeys.ActiveJobs], [(long)settings.Timing.RunLifetime.TotalMilliseconds]);
        _jobs = [.. ((string[])active!).Where(m => m.EndsWith(' ' + settings.Version, StringComparison.Ordinal)).Select(m => m[..m.IndexOf(' ')])];
    }

    private async Task ReadAsync(string[] jobs, TimeSpan? wait)
    {
        List<object> command = ["GROUP", RedisKeys.Group, settings.Name, "COUNT", 1];
        if (wait is { } time)
            command.AddRange(["BLOCK", (long)time.TotalMilliseconds]);
        command.Add("STREAMS");
        command.AddRange(jobs.Select(j => (object)RedisKeys.Items(j)));
        command.AddRange(jobs.Select(_ => (object)">"));
        RedisResult reply;
        try
        {
            reply = await waiting.GetDatabase().ExecuteAsync("XREADGROUP", command);
        }
        catch (RedisServerException e) when (e.Message.Contains("NOGROUP", StringComparison.Ordinal) || e.Message.Contains("UNBLOCKED", StringComparison.Ordinal))
        {
            // A job ended, or Redis lost everything: its coordinator will say so again.
            await Task.Delay(20);
            Volatile.Write(ref _listed, 0);
            return;
        }

        if (reply.IsNull)
            return;
        foreach (RedisResult stream in (RedisResult[])reply!)
        {
            string job = jobs.First(j => RedisKeys.Items(j) == (RedisKey)stream[0]);
            foreach (RedisResult entry in (RedisResult[])stream[1]!)
            {
                if (Delivered(job, StreamReply.Entry(entry)) is not { } delivery)
                    continue;
                if (delivery.Message.Worker is { } worker && worker != settings.Name)
                    await HandOnAsync(delivery);
                else
                    _taken.Enqueue(delivery);
            }
        }
    }

    /// <summary>
    /// It suits another better, who may wait for an item too: back it goes, for whoever is next. Only once: who is busy or
    /// gone keeps no one else from it.
    /// </summary>
    private async Task HandOnAsync(Delivery delivery) => await link.Database.ScriptEvaluateAsync(
        RedisScripts.HandOn, [RedisKeys.Items(delivery.Job)], [delivery.Id, (delivery.Message with { Worker = null }).ToBytes()]);

    private Delivery? Delivered(string job, StreamEntry entry)
    {
        if (ItemMessage.Parse(((ReadOnlyMemory<byte>)entry["m"]).Span) is { } message)
            return new Delivery(job, entry.Id, message);
        link.Database.StreamAcknowledge(RedisKeys.Items(job), RedisKeys.Group, entry.Id, CommandFlags.FireAndForget);
        link.Database.StreamDelete(RedisKeys.Items(job), [entry.Id], CommandFlags.FireAndForget);
        return null;
    }
}
