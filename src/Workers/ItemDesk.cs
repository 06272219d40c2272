using System.Collections.Concurrent;
using System.Diagnostics;
using QuantCluster.Cluster;
using QuantCluster.Jobs;

namespace QuantCluster.Workers;

/// <summary>Does the items a worker has been given, and says in Redis what became of them. Thread-safe.</summary>
internal sealed class ItemDesk(RedisLink link, JobStore store, JobShelf shelf, WorkerSettings settings)
{
    private static readonly TimeSpan Remembered = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<Delivery, byte> _atWork = new();
    private readonly ConcurrentDictionary<string, long> _stopped = new();
    private long _done;

    /// <summary>Items being done.</summary>
    public IReadOnlyCollection<Delivery> AtWork => (IReadOnlyCollection<Delivery>)_atWork.Keys;

    public int Busy => _atWork.Count;

    public long Done => Interlocked.Read(ref _done);

    /// <summary>Does one item to its end.</summary>
    /// <param name="delivery">The item.</param>
    /// <param name="free">Called when the core is free again.</param>
    /// <param name="cancellation">Gives up saying what became of it.</param>
    public async Task DoAsync(Delivery delivery, Action free, CancellationToken cancellation)
    {
        _atWork.TryAdd(delivery, 0);
        try
        {
            if (_stopped.ContainsKey(delivery.Message.Run))
                await delivery.Cancellation.CancelAsync();
            (ResultMessage? message, byte[] bytes) = await AttemptAsync(delivery);
            if (message is null)
                await DropAsync(delivery, cancellation);
            else
                await SayAsync(delivery, message, bytes, cancellation);
            Interlocked.Increment(ref _done);
        }
        finally
        {
            _atWork.TryRemove(delivery, out _);

            // Not before the answer is out: an item that kills its worker must not take the answers of others with it.
            free();
        }
    }

    /// <summary>The run's coordinator does not want its items any more.</summary>
    public void Stop(string run)
    {
        _stopped[run] = Stopwatch.GetTimestamp();
        foreach (Delivery delivery in _atWork.Keys.Where(d => d.Message.Run == run))
            delivery.Cancellation.Cancel();
        foreach ((string old, long when) in _stopped)
        {
            if (Stopwatch.GetElapsedTime(when) > Remembered)
                _stopped.TryRemove(old, out _);
        }
    }

    /// <summary>Whether workers died with the item: then nothing else is to be done beside it.</summary>
    public bool IsSuspect(Delivery delivery) => BegunOf(delivery).IsSuspect(delivery.Item.Key);

    /// <summary>Keeps an item that has yet to wait.</summary>
    public void Hold(Delivery delivery) => _atWork.TryAdd(delivery, 0);

    private BegunItems BegunOf(Delivery delivery) => new(store, delivery.Job);

    /// <returns>No message where the item is not wanted any more.</returns>
    private async Task<(ResultMessage? Message, byte[] Bytes)> AttemptAsync(Delivery delivery)
    {
        CancellationToken stop = delivery.Cancellation.Token;
        WorkItem item = delivery.Item;
        BegunItems begun = BegunOf(delivery);
        if (begun.Begin(item) is { } refusal)
            return (Say(new(item.Key, settings.Name, 0, Code: ExitCode.InternalError, Message: refusal)), []);
        long started = Stopwatch.GetTimestamp();
        try
        {
            byte[] bytes = await shelf.UseAsync(delivery.Job, job => job.ExecuteAsync(item, stop));
            string? blob = bytes.Length > ResultMessage.LargestBeside
                ? (await shelf.UseAsync(delivery.Job, job => job.Blobs.PutAsync(bytes, stop))).Value
                : null;
            return (Say(new(item.Key, settings.Name, Microseconds(started), blob)), blob is null ? bytes : []);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return (null, []);
        }
        catch (QuantException e)
        {
            // A full disk may have room again; wrong input stays wrong.
            return (Say(new(item.Key, settings.Name, Microseconds(started), Code: e.Code, Message: e.Message, MayRetry: e.Code == ExitCode.CannotWrite)), []);
        }
        catch (Exception e)
        {
            return (Say(new(item.Key, settings.Name, Microseconds(started), Code: ExitCode.InternalError, Message: e.Message, MayRetry: true)), []);
        }
        finally
        {
            begun.End(item);
        }

        ResultMessage Say(ResultMessage message) => message with { Delivery = delivery.Id.ToString() };
    }

    private Task<bool> SayAsync(Delivery delivery, ResultMessage message, byte[] bytes, CancellationToken cancellation) =>
        link.InsistAsync(async redis =>
        {
            await redis.ScriptEvaluateAsync(
                RedisScripts.Finish,
                [RedisKeys.Items(delivery.Job), RedisKeys.Results(delivery.Message.Run), RedisKeys.Run(delivery.Message.Run)],
                [delivery.Id, message.ToBytes(), bytes, (long)settings.Timing.RunLifetime.TotalMilliseconds]);
            return true;
        }, cancellation);

    private Task<bool> DropAsync(Delivery delivery, CancellationToken cancellation) =>
        link.InsistAsync(async redis =>
        {
            await redis.StreamAcknowledgeAsync(RedisKeys.Items(delivery.Job), RedisKeys.Group, delivery.Id);
            await redis.StreamDeleteAsync(RedisKeys.Items(delivery.Job), [delivery.Id]);
            return true;
        }, cancellation);

    private static long Microseconds(long started) => (long)Stopwatch.GetElapsedTime(started).TotalMicroseconds;
}
