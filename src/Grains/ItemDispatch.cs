using QuantCluster.Jobs;

namespace QuantCluster.Grains;

/// <summary>Sends a job's items to grains until each has an answer: candidates of layers by the grain that watches over them.</summary>
internal sealed class ItemDispatch(IGrainFactory grains, Lanes lanes, JobContext job, OrleansEngineSettings settings)
{
    private readonly string _stamp = StampOf(job.Folder);
    private readonly string _name = Path.GetFileName(job.Folder);

    /// <summary>Takes a lane for an item that is to be done.</summary>
    /// <param name="meant">The silo it was chosen for; null where it was for none.</param>
    public Lanes.Lane Take(WorkItem item, string? meant) => lanes.Take(WorkRoute.Of(_name, item), item, meant);

    /// <summary>The item's result, or why it has none.</summary>
    /// <param name="first">The lane taken for it.</param>
    public async Task<WorkResult> DoAsync(WorkItem item, Lanes.Lane first, CancellationToken cancellation)
    {
        WorkOrder order = new(_name, _stamp, QuantizationJob.ToolVersion, item.Key, item.Kind, item.Argument, [.. item.Inputs]);
        string? watcher = item.Layers.Count == 0 ? null : WorkRoute.WatcherOf(_name, item.Layers);
        Lanes.Lane? taken = first;
        for (int failures = 0, losses = 0; ;)
        {
            if (cancellation.IsCancellationRequested && taken is not null)
                lanes.Retire(taken);
            cancellation.ThrowIfCancellationRequested();
            Lanes.Lane lane = taken ?? lanes.Take(first.Route, item, null);
            taken = null;
            WorkAnswer answer;
            try
            {
                answer = await AskAsync(watcher, lane, order with { IsAnew = failures > 0 }, cancellation);
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                lanes.Retire(lane);
                throw;
            }
            catch (Exception) when (watcher is not null)
            {
                // Who watches over it is gone, not who does it: there it is joined.
                taken = lane;
                await PauseAsync(++losses, cancellation);
                continue;
            }
            catch (Exception)
            {
                // Failures of the work itself come as answers: this is the cluster's, and no fault of the item's. Whether
                // silos died with it is counted where it is begun.
                lanes.Retire(lane);
                await PauseAsync(++losses, cancellation);
                continue;
            }

            if (answer.IsRefused || answer.IsLost)
            {
                lanes.Retire(lane);
                losses += answer.IsLost ? 1 : 0;
                await PauseAsync(answer.IsLost ? losses : 1, cancellation);
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

    /// <summary>Longer from loss to loss, and never for two items the same: what was lost together is not sent together. Where the run ends meanwhile, so does this.</summary>
    private static async Task PauseAsync(int losses, CancellationToken cancellation) =>
        await Task.Delay(TimeSpan.FromMilliseconds(Math.Min(5000, 100 << Math.Min(losses, 10)) * (0.5 + Random.Shared.NextDouble())), cancellation)
            .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    private Task<WorkAnswer> AskAsync(string? watcher, Lanes.Lane lane, WorkOrder order, CancellationToken cancellation)
    {
        if (watcher is null)
            return WatchedCall.AskAsync(lane.Grain, order.Key, lane.Silo, settings.CheckEvery, c => lane.Grain.ExecuteAsync(order, c), cancellation);
        ILayerGrain layer = grains.GetGrain<ILayerGrain>(watcher);
        CandidateOrder candidate = new(order, lane.Key, lane.Silo, settings.CheckEvery);
        return WatchedCall.AskAsync(
            layer, order.Key, lanes.SiloOfWatcher(lane, settings.Home), settings.CheckEvery,
            c => lane.Route.Layers ? layer.CorrectAsync(candidate, c) : layer.ScoreAsync(candidate, c), cancellation, settings.IsLeaving);
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
}
