using System.Runtime.ExceptionServices;

namespace QuantCluster.Search;

/// <summary>Does things side by side that belong together.</summary>
internal static class Together
{
    /// <summary>Goes on with each by itself. Where one fails the others are stopped and waited for, and its error is thrown.</summary>
    /// <returns>What came of each, in order.</returns>
    public static async Task<TResult[]> RunAsync<T, TResult>(IEnumerable<T> of, Func<T, CancellationToken, Task<TResult>> run, CancellationToken cancellation)
    {
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Task<TResult>[] all = [.. of.Select(OneAsync)];
        try
        {
            return await Task.WhenAll(all);
        }
        catch
        {
            // Being stopped is the others' consequence, not the reason.
            if (all.SelectMany(t => t.Exception?.InnerExceptions ?? []).FirstOrDefault(e => e is not OperationCanceledException) is { } reason)
                ExceptionDispatchInfo.Throw(reason);
            throw;
        }

        async Task<TResult> OneAsync(T one)
        {
            try
            {
                return await run(one, stop.Token);
            }
            catch
            {
                await stop.CancelAsync();
                throw;
            }
        }
    }
}
