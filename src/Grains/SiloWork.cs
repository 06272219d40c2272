using System.Diagnostics;
using QuantCluster.Jobs;

namespace QuantCluster.Grains;

/// <summary>Does items on this silo's cores. Never on a grain's scheduler: ONNX Runtime holds a thread for seconds.</summary>
internal sealed class SiloWork(CoreGate cores, ILocalSiloDetails silo)
{
    private readonly string _silo = silo.SiloAddress.ToParsableString();

    public Task<WorkAnswer> DoAsync(JobRooms.Lease lease, WorkOrder order, CancellationToken cancellation) =>
        Task.Run(() => AttemptAsync(lease, order, cancellation), cancellation);

    private async Task<WorkAnswer> AttemptAsync(JobRooms.Lease lease, WorkOrder order, CancellationToken cancellation)
    {
        using CoreGate.Place place = await cores.EnterAsync(cancellation);
        long started = Stopwatch.GetTimestamp();
        try
        {
            JobContext job = lease.Job;
            WorkItem item = new(order.Kind, order.Argument, order.Inputs);
            byte[] bytes = await job.HandlerOf(item).ExecuteAsync(item, job, cancellation);
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
