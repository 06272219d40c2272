using Orleans.Runtime.Placement;

namespace QuantCluster.Grains;

/// <summary>
/// A call that has an item done by a grain, watched over until it is answered: it is done at most once, can be lost on its way, and
/// the grain can begin a new life elsewhere, which knows nothing of it.
/// </summary>
internal static class WatchedCall
{
    /// <summary>What a silo still does when a run was cancelled is waited for this long.</summary>
    private static readonly TimeSpan CancellationPatience = TimeSpan.FromSeconds(10);

    /// <param name="grain">Who does it, or has it done.</param>
    /// <param name="key">The item's key.</param>
    /// <param name="silo">Address of the silo on which the grain is placed where it is not there yet; null for any.</param>
    /// <param name="checkEvery">How often it is asked after.</param>
    /// <param name="ask">Makes the call.</param>
    /// <param name="cancellation">Cancels the call.</param>
    /// <param name="isLeft">Whether the call is to go on although no one waits for it any more; null for never.</param>
    /// <exception cref="LostOrderException">The grain holds the order no more.</exception>
    public static async Task<WorkAnswer> AskAsync(
        IWorkGrain grain, string key, string? silo, TimeSpan checkEvery, Func<CancellationToken, Task<WorkAnswer>> ask, CancellationToken cancellation, Func<bool>? isLeft = null)
    {
        // Whoever asks here may have been placed by a hint that came with its own call.
        if (silo is null)
            RequestContext.Remove(IPlacementDirector.PlacementHintKey);
        else
            RequestContext.Set(IPlacementDirector.PlacementHintKey, SiloAddress.FromParsableString(silo));
        using CancellationTokenSource stop = new();
        using CancellationTokenRegistration stopping = cancellation.Register(() =>
        {
            if (isLeft?.Invoke() != true)
                stop.Cancel();
        });
        Task<WorkAnswer> call = ask(stop.Token);
        RequestContext.Remove(IPlacementDirector.PlacementHintKey);
        for (int unheard = 0; ;)
        {
            try
            {
                return await call.WaitAsync(checkEvery, cancellation);
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                Forget(call);
                Task ended = call;
                await ended.WaitAsync(isLeft?.Invoke() == true ? TimeSpan.Zero : CancellationPatience, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                throw;
            }
            catch (TimeoutException) when (!call.IsCompleted)
            {
                unheard = await IsHeldAsync(grain, key) ? 0 : unheard + 1;
            }

            // Once may be chance: the answer was on its way.
            if (unheard < 2)
                continue;
            Forget(call);
            throw new LostOrderException();
        }
    }

    /// <summary>What becomes of it is no one's any more.</summary>
    private static void Forget(Task call) =>
        _ = call.ContinueWith(late => late.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);

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
}

/// <summary>The silo answers, and knows nothing of the order; or it does not answer.</summary>
internal sealed class LostOrderException() : Exception("the silo no longer knows of it");
