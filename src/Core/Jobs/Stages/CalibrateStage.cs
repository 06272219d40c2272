using QuantCluster.Calibration;
using QuantCluster.Planning;

namespace QuantCluster.Jobs.Stages;

/// <summary>Samples → statistics of every point of the plan; one work item a block of samples, then one some tensors, where a cluster has much to merge.</summary>
internal static class CalibrateStage
{
    /// <param name="context">The job.</param>
    /// <param name="model">The prepared model's blob.</param>
    /// <param name="planBlob">The plan's blob.</param>
    /// <param name="plan">What is tapped.</param>
    /// <param name="cancellation">Stops it.</param>
    /// <param name="spreadFrom">Bytes of all blocks from which on merging is work for others; null for what is worth it. Does not change the result.</param>
    public static async Task<CalibrationStatistics> RunAsync(
        StageContext context, BlobId model, BlobId planBlob, QuantizationPlan plan, CancellationToken cancellation, long? spreadFrom = null)
    {
        if (context.Directory.Specification.Statistics is { } file)
            return Reuse(file.Path, plan);
        WorkItem[] items = CalibrateBlock.ItemsOf(context.Sources.Data.Count, context.Directory.Specification.Tool, model, planBlob, context.DataKey);
        IReadOnlyList<BlobId> blocks = await context.RunItemsAsync("calibrate", items, cancellation);
        FolderBlobStore blobs = context.Directory.Blobs;
        if (blocks.Sum(b => new FileInfo(blobs.PathOf(b)).Length) < (spreadFrom ?? (context.Runner.IsRemote ? MergeStatistics.WorthSpreading : long.MaxValue)))
            return await MergeStatistics.MergeAsync(blobs, blocks, .., cancellation);
        return await MergeByItemsAsync(context, plan.Points.Count, context.Directory.Specification.Tool, blocks, cancellation);
    }

    /// <summary>Merges some tensors an item.</summary>
    /// <param name="context">The job.</param>
    /// <param name="tensors">How many each block has.</param>
    /// <param name="tool">The program.</param>
    /// <param name="blocks">In the order they are merged in.</param>
    /// <param name="cancellation">Stops it.</param>
    internal static async Task<CalibrationStatistics> MergeByItemsAsync(StageContext context, int tensors, string tool, IReadOnlyList<BlobId> blocks, CancellationToken cancellation)
    {
        FolderBlobStore blobs = context.Directory.Blobs;
        BlobId names = await MergeStatistics.PutAsync(blobs, blocks, cancellation);
        List<CalibrationStatistics> parts = [];
        foreach (BlobId part in await context.RunItemsAsync("merge", MergeStatistics.ItemsOf(tensors, tool, names), cancellation))
            parts.Add(StatisticsFile.Read(await blobs.GetAsync(part, cancellation)));
        return new CalibrationStatistics(parts[0].Samples, parts.SelectMany(p => p.Tensors.Values));
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
