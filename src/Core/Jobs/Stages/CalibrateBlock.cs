using QuantCluster.Calibration;
using QuantCluster.Inference;
using QuantCluster.Onnx;
using QuantCluster.Planning;

namespace QuantCluster.Jobs.Stages;

/// <summary>Work item: the statistics of every point of a plan over one block of samples.</summary>
internal sealed class CalibrateBlock(JobValues values, JobSources sources, int threads, int workers) : IWorkHandler
{
    public const string KindName = "calibrate-block";

    /// <summary>Samples a block: decides the arithmetic, so it is the same whatever the number of workers.</summary>
    public const int BlockSize = 8;

    private readonly WarmSessions _sessions = new(workers);

    public string Kind => KindName;

    public static WorkItem[] ItemsOf(int samples, string tool, BlobId model, BlobId plan, string data) =>
        [.. SampleRange.Blocks(samples, BlockSize).Select(block => new WorkItem(KindName, block, tool, model.Value, plan.Value, data))];

    public async ValueTask<byte[]> ExecuteAsync(WorkItem item, JobContext job, CancellationToken cancellation)
    {
        OnnxModel prepared = await values.ModelAsync(BlobId.Parse(item.Inputs[1]));
        QuantizationPlan plan = await values.PlanAsync(BlobId.Parse(item.Inputs[2]));
        TapRequest[] taps = [.. plan.Points.Select(p => new TapRequest(p.Tensor))];
        using WarmSessions.Loan tapped = _sessions.Borrow($"{item.Inputs[1]} {item.Inputs[2]}", () => Calibrator.OpenTapped(prepared, taps, threads));
        Range samples = SampleRange.Parse(item.Argument);
        BlockStatistics block = Calibrator.CalibrateBlock(tapped.Session, taps, sources.Data, samples, threads, cancellation);
        WorkInstruments.AddCalibrated(samples.End.Value - samples.Start.Value);
        using MemoryStream stream = new();
        StatisticsFile.Write(block.Statistics, stream);
        return stream.ToArray();
    }

    public void Release() => _sessions.Release();
}
