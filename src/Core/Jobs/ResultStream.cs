using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace QuantCluster.Jobs;

/// <summary>What someone produces in the background, for as long as someone reads it.</summary>
public static class ResultStream
{
    /// <summary>Reads what <paramref name="produce"/> writes; afterwards nothing of it is left running.</summary>
    /// <param name="capacity">Results that may wait for the reader.</param>
    /// <param name="produce">Writes into the channel and completes it; cancelled when the reader stops early.</param>
    /// <param name="cancellation">Ends the reading with <see cref="OperationCanceledException"/>.</param>
    public static async IAsyncEnumerable<WorkResult> ReadAsync(
        int capacity, Func<ChannelWriter<WorkResult>, CancellationTokenSource, Task> produce, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Channel<WorkResult> finished = Channel.CreateBounded<WorkResult>(capacity);
        Task running = produce(finished.Writer, stop);
        try
        {
            await foreach (WorkResult result in finished.Reader.ReadAllAsync(cancellation))
                yield return result;
        }
        finally
        {
            // Reached on cancellation, and when the reader leaves its loop early.
            await stop.CancelAsync();
            await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
