using Orleans.Runtime.Placement;
using QuantCluster.Jobs;

namespace QuantCluster.Grains;

/// <summary>Sends a job's items to grains until each has an answer.</summary>
internal sealed class ItemDispatch(Lanes lanes, JobContext job, OrleansEngineSettings settings)
{
    /// <summary>What a silo still does when a run was cancelled is waited for this long.</summary>
    private static readonly TimeSpan CancellationPatience = TimeSpan.FromSeconds(10);

    private readonly string _stamp = StampOf(job.Folder);
    private readonly string _name = Path.GetFileName(job.Folder);

    /// <summary>Takes a lane for an item that is to be done.</summary>
    public Lanes.Lane Take(WorkItem item) => lanes.Take(WorkRoute.Of(_name, item), item);

    /// <summary>The item's result, or why it has none.</summary>
    /// <param name="first">The lane taken for it.</param>
    public async Task<WorkResult> DoAsync(WorkItem item, Lanes.Lane first, CancellationToken cancellation)
    {
        WorkOrder order = new(_name, _stamp, QuantizationJob.ToolVersion, item.Key, item.Kind, item.Argument, [.. item.Inputs]);
        Lanes.Lane? taken = first;
        for (int failures = 0, losses = 0; ;)
        {
            if (cancellation.IsCancellationRequested && taken is not null)
                lanes.Retire(taken);
            cancellation.ThrowIfCancellationRequested();
            Lanes.Lane lane = taken ?? Take(item);
            taken = null;
            WorkAnswer answer;
            try
            {
                answer = await CallAsync(lane, order, cancellation);
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                lanes.Retire(lane);
                throw;
            }
            catch (Exception)
            {
                // Failures of the work itself come as answers: this is the cluster's, and no fault of the item's. Whether
                // silos died with it is counted where it is begun.
                lanes.Retire(lane);
                losses++;
                await PauseAsync(losses, cancellation);
                continue;
            }

            if (answer.IsRefused)
            {
                lanes.Retire(lane);
                await PauseAsync(1, cancellation);
                continue;
            }

            lanes.Return(lane, item, answer);
            string? failure = answer.Failure;
            if (failure is null)
            {
                try
                {
                    return new WorkResult(item, await BytesOfAsync(answer, cancellation), null, failures + losses + 1, answer.Elapsed);
                }
                catch (QuantException e)
                {
                    // Damaged between there and here: doing it again writes it again.
                    failure = e.Message;
                }
            }

            failures++;
            if (answer.IsFinal)
                return Failed(item, failures + losses, (ExitCode)answer.FailureCode, failure);
            if (failures == IWorkEngine.MaximumAttempts)
                return Failed(item, failures + losses, ExitCode.InternalError, $"{item.Kind} {item.Argument} failed {failures} times, last with: {failure}");
        }
    }

    /// <summary>Longer from loss to loss, and never for two items the same: what was lost together is not sent together.</summary>
    private static Task PauseAsync(int losses, CancellationToken cancellation) =>
        Task.Delay(TimeSpan.FromMilliseconds(Math.Min(5000, 100 << Math.Min(losses, 10)) * (0.5 + Random.Shared.NextDouble())), cancellation);

    /// <exception cref="LostOrderException">No grain holds the order any more.</exception>
    private async Task<WorkAnswer> CallAsync(Lanes.Lane lane, WorkOrder order, CancellationToken cancellation)
    {
        // A grain that is not there yet is placed where the hint says.
        if (lane.Silo is { } silo)
            RequestContext.Set(IPlacementDirector.PlacementHintKey, SiloAddress.FromParsableString(silo));
        Task<WorkAnswer> call = lane.Grain.ExecuteAsync(order, cancellation);
        RequestContext.Remove(IPlacementDirector.PlacementHintKey);
        for (int unheard = 0; ;)
        {
            try
            {
                return await call.WaitAsync(settings.CheckEvery, cancellation);
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                Task ended = call;
                await ended.WaitAsync(CancellationPatience, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                throw;
            }
            catch (TimeoutException) when (!call.IsCompleted)
            {
                unheard = await IsHeldAsync(lane.Grain, order.Key) ? 0 : unheard + 1;
            }

            // Once may be chance: the answer was on its way.
            if (unheard < 2)
                continue;
            _ = call.ContinueWith(late => late.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
            throw new LostOrderException();
        }
    }

    private static async Task<bool> IsHeldAsync(IWorkGrain grain, string key)
    {
        try
        {
            return await grain.IsHoldingAsync(key);
        }
        catch (Exception e) when (e is OrleansException or TimeoutException)
        {
            return false;
        }
    }

    private async ValueTask<ReadOnlyMemory<byte>> BytesOfAsync(WorkAnswer answer, CancellationToken cancellation) =>
        answer.Bytes ?? await job.Blobs.GetAsync(BlobId.Parse(answer.Blob!), cancellation);

    private static WorkResult Failed(WorkItem item, int attempts, ExitCode code, string message) =>
        new(item, default, new WorkFailure(code, message), attempts, TimeSpan.Zero);

    private static string StampOf(string folder)
    {
        string file = Path.Combine(folder, "job.json");
        return folder.Length > 0 && File.Exists(file) ? ContentHash.OfFile(file) : "";
    }

    /// <summary>The silo answers, and knows nothing of the order; or it does not answer.</summary>
    private sealed class LostOrderException() : Exception("the silo no longer knows of it");
}
