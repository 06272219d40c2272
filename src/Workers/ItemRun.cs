using System.Globalization;
using QuantCluster.Jobs;
using StackExchange.Redis;

namespace QuantCluster.Workers;

/// <summary>A worker's word on an item.</summary>
internal readonly record struct Answer(ResultMessage Message, ReadOnlyMemory<byte> Bytes);

/// <summary>
/// The items of one call of the engine while they are out: what was put into Redis, what came back, and what has to be
/// put there again because Redis lost it.
/// </summary>
internal sealed class ItemRun(RedisLink link, ConnectionMultiplexer waiting, string job, string version, RedisTiming timing)
{
    private const int Batch = 256;

    private static readonly TimeSpan PatienceAtEnd = TimeSpan.FromSeconds(2);

    private readonly string _run = $"{job}:{Guid.NewGuid():N}";
    private readonly Dictionary<string, Entry> _entries = [];
    private string _read = "0-0";
    private long _cared;
    private int _interruptions;

    /// <summary>Items whose results have not been handed on.</summary>
    public int Outstanding { get; private set; }

    /// <summary>How the set of active jobs names a job and the build that does it.</summary>
    public static string Member(string job, string version) => $"{job} {version}";

    public async Task BeginAsync(CancellationToken cancellation)
    {
        await EnsureAsync(cancellation);
        await link.Subscriber.PublishAsync(RedisKeys.Wake, job, CommandFlags.FireAndForget);
    }

    public async Task AddAsync(IReadOnlyList<MeantItem> items, CancellationToken cancellation)
    {
        List<Entry> fresh = [];
        foreach ((WorkItem item, string? worker) in items)
        {
            Outstanding++;
            if (_entries.TryGetValue(item.Key, out Entry? there))
            {
                there.Copies++;
                continue;
            }

            Entry entry = new(item) { Worker = worker };
            _entries.Add(item.Key, entry);
            fresh.Add(entry);
        }

        await SendAsync(fresh, cancellation);
    }

    /// <summary>Waits for answers, for a moment at most.</summary>
    public async Task<IReadOnlyList<Answer>> ReadAsync(CancellationToken cancellation)
    {
        try
        {
            return await ReadAsync(waiting.GetDatabase(), timing.Wait);
        }
        catch (Exception e) when (RedisLink.IsPassing(e) || e is RedisServerException)
        {
            // Away for a moment: CareAsync finds out what it lost.
            await Task.Delay(100, cancellation);
            _cared = 0;
            return [];
        }
    }

    /// <summary>What an answer means for its item.</summary>
    /// <returns>The item's result, for each time it was asked for; nothing where the answer came before or is to be tried again.</returns>
    public async Task<IReadOnlyList<WorkResult>> SettleAsync(Answer answer, IBlobStore blobs, CancellationToken cancellation)
    {
        ResultMessage message = answer.Message;
        if (!_entries.TryGetValue(message.Key, out Entry? entry))
            return [];
        if (message.Delivery is { } delivery && !entry.Answered.Add(delivery))
            return [];
        entry.Attempts++;
        TimeSpan elapsed = TimeSpan.FromMicroseconds(message.Microseconds);
        ReadOnlyMemory<byte> bytes = answer.Bytes;
        if (message.Blob is { } blob)
        {
            try
            {
                bytes = await blobs.GetAsync(BlobId.Parse(blob), cancellation);
            }
            catch (QuantException e)
            {
                // Damaged on its way through the store: it is made again.
                message = message with { Code = e.Code, Message = e.Message, MayRetry = true };
            }
        }

        if (message.Code is { } code)
        {
            if (message.MayRetry && entry.Attempts < IWorkEngine.MaximumAttempts)
            {
                await SendAsync([entry], cancellation);
                return [];
            }

            string text = message.MayRetry && code == ExitCode.InternalError
                ? string.Create(CultureInfo.InvariantCulture, $"{entry.Item.Kind} {entry.Item.Argument} failed {entry.Attempts} times, last with: {message.Message}")
                : message.Message ?? "";
            return Settled(entry, new WorkResult(entry.Item, default, new WorkFailure(code, text), entry.Attempts, elapsed));
        }

        return Settled(entry, new WorkResult(entry.Item, bytes, null, entry.Attempts, elapsed));
    }

    /// <summary>Now and then, and whenever Redis was away: keeps the run alive and sends again what Redis no longer has.</summary>
    public async Task CareAsync(CancellationToken cancellation)
    {
        bool interrupted = link.Interruptions != _interruptions;
        if (!interrupted && _cared != 0 && TimeProvider.System.GetElapsedTime(_cared) < timing.Heartbeat)
            return;
        _interruptions = link.Interruptions;
        _cared = TimeProvider.System.GetTimestamp();
        await EnsureAsync(cancellation);
        HashSet<string> there = [];
        foreach (StreamEntry entry in await link.InsistAsync(r => r.StreamRangeAsync(RedisKeys.Items(job)), cancellation))
        {
            if (ItemMessage.Parse(((ReadOnlyMemory<byte>)entry["m"]).Span) is { } message && message.Run == _run)
                there.Add(message.ToItem().Key);
        }

        // An item leaves the one stream in the step that its result enters the other: who is in neither was lost. The
        // unread results are only looked at here.
        foreach (StreamEntry entry in await link.InsistAsync(r => r.StreamRangeAsync(RedisKeys.Results(_run)), cancellation))
        {
            if (entry.Id == _read)
                continue;
            if (ParseAnswer(entry) is { } answer)
                there.Add(answer.Message.Key);
            if (StreamReply.IsBefore(entry.Id.ToString(), _read))
                _read = "0-0";
        }

        await SendAsync([.. _entries.Values.Where(e => !there.Contains(e.Item.Key))], cancellation);
    }

    /// <summary>Takes back what no worker has begun, stops what they have, and waits a moment for them to stop.</summary>
    public async Task EndAsync()
    {
        try
        {
            IDatabase redis = link.Database;
            if (_entries.Count > 0)
            {
                RedisValue[] ids = [.. (await redis.StreamRangeAsync(RedisKeys.Items(job))).Where(IsOurs).Select(e => e.Id)];
                if (ids.Length > 0)
                    await redis.StreamDeleteAsync(RedisKeys.Items(job), ids);
                await redis.PublishAsync(RedisKeys.Stop, _run);
                HashSet<string> ours = [.. ids.Select(i => i.ToString())];
                for (long begun = TimeProvider.System.GetTimestamp(); TimeProvider.System.GetElapsedTime(begun) < PatienceAtEnd; await Task.Delay(5))
                {
                    StreamPendingMessageInfo[] pending = await redis.StreamPendingMessagesAsync(RedisKeys.Items(job), RedisKeys.Group, 1000, RedisValue.Null);
                    if (!pending.Any(p => ours.Contains(p.MessageId.ToString())))
                        break;
                }
            }

            await redis.KeyDeleteAsync([RedisKeys.Run(_run), RedisKeys.Results(_run)]);
        }
        catch (Exception e) when (RedisLink.IsPassing(e) || e is RedisServerException)
        {
            // Keys with a lifetime go by themselves, and workers drop items of runs that are gone.
        }

        bool IsOurs(StreamEntry entry) => ItemMessage.Parse(((ReadOnlyMemory<byte>)entry["m"]).Span)?.Run == _run;
    }

    private async Task EnsureAsync(CancellationToken cancellation)
    {
        await link.InsistAsync(async redis =>
        {
            await redis.StringSetAsync(RedisKeys.Run(_run), "1", timing.RunLifetime);
            await redis.ScriptEvaluateAsync(RedisScripts.Activate, [RedisKeys.ActiveJobs], [Member(job, version)]);
            try
            {
                await redis.StreamCreateConsumerGroupAsync(RedisKeys.Items(job), RedisKeys.Group, "0-0", createStream: true);
            }
            catch (RedisServerException e) when (e.Message.StartsWith("BUSYGROUP", StringComparison.Ordinal))
            {
                // It is there.
            }

            return true;
        }, cancellation);
    }

    private async Task SendAsync(IReadOnlyList<Entry> entries, CancellationToken cancellation)
    {
        foreach (Entry[] chunk in entries.Chunk(Batch))
        {
            await link.InsistAsync(async redis =>
            {
                Task<RedisValue>[] sent = [.. chunk.Select(e => redis.StreamAddAsync(RedisKeys.Items(job), "m", ItemMessage.Of(_run, e.Item, e.Worker)))];
                await Task.WhenAll(sent);
                return true;
            }, cancellation);
        }
    }

    private async Task<IReadOnlyList<Answer>> ReadAsync(IDatabase redis, TimeSpan wait)
    {
        RedisResult reply = await redis.ExecuteAsync(
            "XREAD", "COUNT", Batch, "BLOCK", (long)wait.TotalMilliseconds, "STREAMS", RedisKeys.Results(_run), _read);
        if (reply.IsNull)
            return [];
        List<Answer> answers = [];
        foreach (RedisResult raw in (RedisResult[])((RedisResult[])reply!)[0][1]!)
        {
            StreamEntry entry = StreamReply.Entry(raw);
            _read = entry.Id.ToString();
            if (ParseAnswer(entry) is { } answer)
                answers.Add(answer);
        }

        await link.Database.StreamTrimByMinIdAsync(RedisKeys.Results(_run), _read, flags: CommandFlags.FireAndForget);
        return answers;
    }

    private static Answer? ParseAnswer(StreamEntry entry) =>
        ResultMessage.Parse(((ReadOnlyMemory<byte>)entry["h"]).Span) is { } message ? new Answer(message, (ReadOnlyMemory<byte>)entry["b"]) : null;

    private IReadOnlyList<WorkResult> Settled(Entry entry, WorkResult result)
    {
        _entries.Remove(entry.Item.Key);
        Outstanding -= entry.Copies;
        return [.. Enumerable.Repeat(result, entry.Copies)];
    }

    private sealed class Entry(WorkItem item)
    {
        public WorkItem Item => item;

        /// <summary>Whom it is meant for.</summary>
        public string? Worker { get; init; }

        public int Copies { get; set; } = 1;

        public int Attempts { get; set; }

        /// <summary>Entries of the stream that were answered.</summary>
        public HashSet<string> Answered { get; } = [];
    }
}
