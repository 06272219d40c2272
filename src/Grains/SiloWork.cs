using System.Diagnostics;
using QuantCluster.Jobs;

namespace QuantCluster.Grains;

/// <summary>Does items on this silo's cores. Each on a thread of its own: ONNX Runtime holds
/// it for seconds, and neither grains nor messages may wait for one.</summary>
internal sealed class SiloWork(CoreGate cores, ILocalSiloDetails silo)
{
    private readonly string _silo = silo.SiloAddress.ToParsableString();

    private long _done;

    /// <summary>Items done since the silo came.</summary>
    public long Done => Volatile.Read(ref _done);

    /// <exception cref="InvalidOperationException">The order is another build's: this silo's result might differ.</exception>
    public async Task<WorkAnswer> DoAsync(JobRooms.Lease lease, WorkOrder order, CancellationToken cancellation)
    {
        if (order.Version != QuantizationJob.ToolVersion)
            throw new InvalidOperationException($"silo {silo.Name} is of another build ({QuantizationJob.ToolVersion}) than the job's coordinator ({order.Version})");
        using CoreGate.Place place = await cores.EnterAsync(cancellation).ConfigureAwait(false);
        WorkAnswer answer = await Task.Factory.StartNew(
            () => AttemptAsync(lease, order, cancellation).GetAwaiter().GetResult(),
            CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default).ConfigureAwait(false);
        Interlocked.Increment(ref _done);
        return answer;
    }

    private async Task<WorkAnswer> AttemptAsync(JobRooms.Lease lease, WorkOrder order, CancellationToken cancellation)
    {
        long started = Stopwatch.GetTimestamp();
        try
        {
            JobContext job = lease.Job;
            WorkItem item = new(order.Kind, order.Argument, order.Inputs);
            byte[] bytes = await job.ExecuteAsync(item, cancellation);
            bool inline = bytes.Length <= WorkAnswer.LargestInline;
            return Answer(started) with
            {
                Bytes = inline ? bytes : null,
                Blob = inline ? null : (await job.Blobs.PutAsync(bytes, cancellation)).Value,
            };
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            throw;
        }
        catch (QuantException e)
        {
            return Answer(started) with { Failure = e.Message, FailureCode = (int)e.Code, IsFinal = true };
        }
        catch (Exception e)
        {
            return Answer(started) with { Failure = e.Message, FailureCode = (int)ExitCode.InternalError };
        }
    }

    private WorkAnswer Answer(long started) => new() { Elapsed = Stopwatch.GetElapsedTime(started), Silo = _silo, Cores = cores.Cores };
}
