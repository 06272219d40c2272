using System.Diagnostics;
using QuantCluster.Cluster;
using QuantCluster.Jobs;

namespace QuantCluster.Grains;

/// <summary>Does items on this silo's cores. Each on a thread of its own: ONNX Runtime holds
/// it for seconds, and neither grains nor messages may wait for one.</summary>
internal sealed class SiloWork(CoreGate cores, ILocalSiloDetails silo, JobStore store)
{
    private readonly string _silo = silo.SiloAddress.ToParsableString();

    private long _done;

    /// <summary>Items done since the silo came.</summary>
    public long Done => Volatile.Read(ref _done);

    public async Task<WorkAnswer> DoAsync(JobRooms.Lease lease, WorkOrder order, CancellationToken cancellation)
    {
        if (order.Version != QuantizationJob.ToolVersion)
            return new WorkAnswer { IsRefused = true, Silo = _silo, Cores = cores.Cores };
        BegunItems begun = new(store, order.Job);
        using CoreGate.Place place = await cores.EnterAsync(begun.IsSuspect(order.Key), cancellation).ConfigureAwait(false);
        WorkAnswer answer = await Task.Factory.StartNew(
            () => AttemptAsync(lease, order, begun, cancellation).GetAwaiter().GetResult(),
            CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default).ConfigureAwait(false);
        Interlocked.Increment(ref _done);
        return answer;
    }

    private async Task<WorkAnswer> AttemptAsync(JobRooms.Lease lease, WorkOrder order, BegunItems begun, CancellationToken cancellation)
    {
        WorkItem item = new(order.Kind, order.Argument, order.Inputs);
        long started = Stopwatch.GetTimestamp();
        if (begun.Begin(item) is { } refusal)
            return Answer(started) with { Failure = refusal, FailureCode = (int)ExitCode.InternalError, IsFinal = true };
        try
        {
            JobContext job = lease.Job;
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
        finally
        {
            begun.End(item);
        }
    }

    private WorkAnswer Answer(long started) => new() { Elapsed = Stopwatch.GetElapsedTime(started), Silo = _silo, Cores = cores.Cores };
}
