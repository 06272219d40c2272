using QuantCluster.Calibration;
using QuantCluster.Planning;

namespace QuantCluster.Jobs.Stages;

/// <summary>Samples → statistics of every point of the plan; one work item a block of samples.</summary>
internal static class CalibrateStage
{
    public static async Task<CalibrationStatistics> RunAsync(
        StageContext context, BlobId model, BlobId planBlob, QuantizationPlan plan, CancellationToken cancellation)
    {
        if (context.Directory.Specification.Statistics is { } file)
            return Reuse(file.Path, plan);
        WorkItem[] items = CalibrateBlock.ItemsOf(context.Sources.Data.Count, context.Directory.Specification.Tool, model, planBlob, context.DataKey);
        IReadOnlyList<BlobId> blocks = await context.RunItemsAsync("calibrate", items, cancellation);

        // Merged in block order, one at a time: the sums' bits do not depend on who finished first.
        CalibrationStatistics? total = null;
        foreach (BlobId block in blocks)
        {
            CalibrationStatistics statistics = StatisticsFile.Read(await context.Directory.Blobs.GetAsync(block, cancellation));
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
