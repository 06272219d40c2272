using System.Globalization;
using QuantCluster.Calibration;
using QuantCluster.Data;
using QuantCluster.Inference;
using QuantCluster.Onnx;
using QuantCluster.Planning;

namespace QuantCluster.Jobs.Stages;

/// <summary>Samples → statistics of every point of the plan; one work item a block of samples.</summary>
internal static class CalibrateStage
{
    /// <summary>Samples a block: decides the arithmetic, so it is the same whatever the number of workers.</summary>
    public const int BlockSize = 8;

    public static async Task<CalibrationStatistics> RunAsync(
        StageContext context, BlobId model, OnnxModel prepared, BlobId planBlob, QuantizationPlan plan, int threadsPerRun, CancellationToken cancellation)
    {
        if (context.Directory.Specification.Statistics is { } file)
            return Reuse(file.Path, plan);
        TapRequest[] taps = [.. plan.Points.Select(p => new TapRequest(p.Tensor))];
        int samples = context.Sources.Data.Count;
        List<WorkItem> items = [];
        for (int first = 0; first < samples; first += BlockSize)
        {
            string block = string.Create(CultureInfo.InvariantCulture, $"{first}..{Math.Min(samples, first + BlockSize)}");
            items.Add(new WorkItem(CalibrateBlock.KindName, block, context.Directory.Specification.Tool, model.Value, planBlob.Value, context.DataKey));
        }

        using CalibrateBlock handler = new(prepared, taps, context.Sources.Data, threadsPerRun);
        IReadOnlyList<BlobId> blocks = await context.Runner.RunItemsAsync(
            "calibrate", items, new Dictionary<string, IWorkHandler> { [handler.Kind] = handler }, cancellation);

        // Merged in block order, one at a time: the sums' bits do not depend on who finished first.
        CalibrationStatistics? total = null;
        foreach (BlobId block in blocks)
        {
            CalibrationStatistics statistics = StatisticsFile.Read(new MemoryStream(await context.Directory.Blobs.GetAsync(block, cancellation)));
            total = total is null ? statistics : CalibrationStatistics.Merge(total, statistics);
        }

        return total!;
    }

    private static CalibrationStatistics Reuse(string path, QuantizationPlan plan)
    {
        CalibrationStatistics statistics = CalibrationStatistics.Load(path);
        if (plan.Points.FirstOrDefault(p => !statistics.Tensors.ContainsKey(p.Tensor)) is { } missing)
        {
            throw new QuantException(ExitCode.BadData,
                $"{path}: has no statistics of tensor '{missing.Tensor}': it was made of another model. Make it anew with 'quant calibrate', or leave --statistics out.");
        }

        return statistics;
    }
}

/// <summary>Work item: the statistics of one block of samples.</summary>
internal sealed class CalibrateBlock(OnnxModel prepared, IReadOnlyList<TapRequest> taps, IDataset data, int threads) : IWorkHandler, IDisposable
{
    public const string KindName = "calibrate-block";

    // Opened with the first item: a job whose blocks are all done needs no session.
    private readonly Lazy<ModelSession> _session = new(() => Calibrator.OpenTapped(prepared, taps, threads));

    public string Kind => KindName;

    public ValueTask<byte[]> ExecuteAsync(WorkItem item, JobContext job, CancellationToken cancellation)
    {
        int[] ends = [.. item.Argument.Split("..").Select(e => int.Parse(e, CultureInfo.InvariantCulture))];
        BlockStatistics block = Calibrator.CalibrateBlock(_session.Value, taps, data, ends[0]..ends[1], cancellation);
        using MemoryStream stream = new();
        StatisticsFile.Write(block.Statistics, stream);
        return ValueTask.FromResult(stream.ToArray());
    }

    public void Dispose()
    {
        if (_session.IsValueCreated)
            _session.Value.Dispose();
    }
}
