using System.Globalization;
using QuantCluster.Calibration;
using QuantCluster.Numerics;
using QuantCluster.Onnx;
using QuantCluster.Planning;
using QuantCluster.Ranges;

namespace QuantCluster.Jobs.Stages;

/// <summary>Statistics → scale and zero point of every point and weight; one work item a few groups of points.</summary>
internal static class RangesStage
{
    /// <summary>Groups an item: enough that writing the result down costs less than making it.</summary>
    private const int GroupsPerItem = 8;

    /// <returns>Blobs <c>configuration</c> and <c>methods</c> (tensor to the estimator that chose its range).</returns>
    public static async Task<IReadOnlyDictionary<string, BlobId>> RunAsync(
        StageContext context, BlobId model, OnnxModel prepared, BlobId planBlob, QuantizationPlan plan, CalibrationStatistics statistics, CancellationToken cancellation)
    {
        RangeSettings settings = SettingsOf(context.Settings);
        BlobId statisticsBlob = await context.Directory.Blobs.PutAsync(ToBytes(statistics), cancellation);
        string[] inputs = [context.Directory.Specification.Tool, planBlob.Value, statisticsBlob.Value, settings.Method];
        int groups = plan.Points.Select(p => p.Group).Distinct().Count();
        WorkItem[] items =
        [
            .. Enumerable.Range(0, (groups + GroupsPerItem - 1) / GroupsPerItem).Select(i =>
                new WorkItem(EstimateRanges.KindName, string.Create(CultureInfo.InvariantCulture, $"{i * GroupsPerItem}..{Math.Min(groups, (i + 1) * GroupsPerItem)}"), inputs)),
        ];
        EstimateRanges handler = new(plan, statistics, settings);
        IReadOnlyList<BlobId> results = await context.Runner.RunItemsAsync(
            "ranges", items, new Dictionary<string, IWorkHandler> { [handler.Kind] = handler }, cancellation);

        Dictionary<string, AffineMapping> activations = [];
        Dictionary<string, string> methods = [];
        foreach (BlobId result in results)
        {
            foreach ((string tensor, ActivationChoice choice) in EstimateRanges.Parse(await context.Directory.Blobs.GetAsync(result, cancellation)))
                (activations[tensor], methods[tensor]) = (choice.Mapping, choice.Method);
        }

        return await context.Runner.RunAsync(
            "ranges", ["weights", model.Value, settings.PerChannel.ToString(), .. results.Select(r => r.Value)],
            _ => new Dictionary<string, byte[]>
            {
                ["configuration"] = ConfigurationFile.ToBytes(RangeSelection.Choose(prepared, plan, activations, settings)),
                ["methods"] = CanonicalJson.Serialize(methods, StageJson.Default.IReadOnlyDictionaryStringString),
            },
            cancellation);
    }

    public static RangeSettings SettingsOf(JobSettings settings) => new()
    {
        Method = settings.Method.ToString().ToLowerInvariant(),
        PerChannel = settings.Granularity == WeightGranularity.Channel,
    };

    private static byte[] ToBytes(CalibrationStatistics statistics)
    {
        using MemoryStream stream = new();
        StatisticsFile.Write(statistics, stream);
        return stream.ToArray();
    }
}
