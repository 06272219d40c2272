using System.Diagnostics;
using System.Threading.Channels;

namespace QuantCluster.Jobs;

/// <summary>Items on this process's own threads, a fixed number at a time.</summary>
public sealed class LocalEngine : IWorkEngine
{
    private readonly int _workers;

    /// <param name="workers">Items at a time, at least one.</param>
    public LocalEngine(int workers)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(workers, 1);
        _workers = workers;
    }

    public string Name => "local";

    public IAsyncEnumerable<WorkResult> ExecuteAsync(JobContext job, IAsyncEnumerable<WorkItem> items, CancellationToken cancellation = default) =>
        ResultStream.ReadAsync(_workers, (finished, stop) => RunAsync(job, items, finished, stop.Token), cancellation);

    private async Task RunAsync(JobContext job, IAsyncEnumerable<WorkItem> items, ChannelWriter<WorkResult> finished, CancellationToken cancellation)
    {
        Channel<WorkItem> waiting = Channel.CreateBounded<WorkItem>(1);
        using CancellationTokenSource failed = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Task[] tasks =
        [
            StoppingOthers(() => FeedAsync(items, waiting.Writer, failed.Token)),
            .. Enumerable.Range(0, _workers).Select(_ => StoppingOthers(() => WorkAsync(job, waiting.Reader, finished, failed.Token))),
        ];
        try
        {
            await Task.WhenAll(tasks);
            finished.Complete();
        }
        catch (Exception)
        {
            // The source's own failure, rather than the cancellations it caused.
            Exception? first = tasks.Where(t => t.IsFaulted).Select(t => t.Exception!.InnerException).FirstOrDefault();
            finished.Complete(first ?? new OperationCanceledException(cancellation));
        }

        async Task StoppingOthers(Func<Task> run)
        {
            try
            {
                await Task.Run(run, CancellationToken.None);
            }
            catch
            {
                await failed.CancelAsync();
                throw;
            }
        }
    }

    private static async Task FeedAsync(IAsyncEnumerable<WorkItem> items, ChannelWriter<WorkItem> waiting, CancellationToken cancellation)
    {
        await foreach (WorkItem item in items.WithCancellation(cancellation))
            await waiting.WriteAsync(item, cancellation);
        waiting.Complete();
    }

    private static async Task WorkAsync(JobContext job, ChannelReader<WorkItem> waiting, ChannelWriter<WorkResult> finished, CancellationToken cancellation)
    {
        await foreach (WorkItem item in waiting.ReadAllAsync(cancellation))
            await finished.WriteAsync(await AttemptAsync(job, item, cancellation), cancellation);
    }

    private static async Task<WorkResult> AttemptAsync(JobContext job, WorkItem item, CancellationToken cancellation)
    {
        for (int attempt = 1; ; attempt++)
        {
            cancellation.ThrowIfCancellationRequested();
            long started = Stopwatch.GetTimestamp();
            try
            {
                byte[] bytes = await job.ExecuteAsync(item, cancellation);
                return new WorkResult(item, bytes, null, attempt, Stopwatch.GetElapsedTime(started));
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                throw;
            }
            catch (QuantException e)
            {
                return new WorkResult(item, default, new WorkFailure(e.Code, e.Message), attempt, Stopwatch.GetElapsedTime(started));
            }
            catch (Exception e) when (attempt == IWorkEngine.MaximumAttempts)
            {
                WorkFailure failure = new(ExitCode.InternalError, $"{item.Kind} {item.Argument} failed {attempt} times, last with: {e.Message}");
                return new WorkResult(item, default, failure, attempt, Stopwatch.GetElapsedTime(started));
            }
            catch (Exception)
            {
                // Tried again: a machine out of memory for a moment should not end a job of hours.
            }
        }
    }
}
