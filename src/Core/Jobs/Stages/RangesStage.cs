using QuantCluster.Calibration;
using QuantCluster.Emission;
using QuantCluster.Numerics;
using QuantCluster.Onnx;
using QuantCluster.Planning;
using QuantCluster.Ranges;

namespace QuantCluster.Jobs.Stages;

/// <summary>Statistics → scale and zero point of every point and weight; one work item a few groups of points.</summary>
internal static class RangesStage
{
    /// <returns>
    /// Blobs <c>configuration</c>, <c>methods</c> (tensor to the estimator that chose its range) and <c>statistics</c>.
    /// </returns>
    public static async Task<IReadOnlyDictionary<string, BlobId>> RunAsync(
        StageContext context, BlobId model, OnnxModel prepared, BlobId planBlob, QuantizationPlan plan, CalibrationStatistics statistics, CancellationToken cancellation)
    {
        RangeSettings settings = SettingsOf(context.Settings);
        BlobId statisticsBlob = await context.Directory.Blobs.PutAsync(ToBytes(statistics), cancellation);
        context.Handlers.Values.Keep(statisticsBlob, statistics);
        WorkItem[] items = EstimateRanges.ItemsOf(plan, context.Directory.Specification.Tool, planBlob, statisticsBlob, settings.Method);
        IReadOnlyList<BlobId> results = await context.RunItemsAsync("ranges", items, cancellation);

        Dictionary<string, AffineMapping> activations = [];
        Dictionary<string, string> methods = [];
        foreach (BlobId result in results)
        {
            foreach ((string tensor, ActivationChoice choice) in EstimateRanges.Parse(await context.Directory.Blobs.GetAsync(result, cancellation)))
                (activations[tensor], methods[tensor]) = (choice.Mapping, choice.Method);
        }

        IReadOnlyDictionary<string, BlobId> outputs = await context.Runner.RunStoringAsync(
            "ranges", ["weights", model.Value, settings.PerChannel.ToString(), settings.ClipWeights.ToString(), settings.Weights.ToString(), .. results.Select(r => r.Value)],
            async c =>
            {
                QuantizationConfiguration chosen = RangeSelection.Choose(prepared, plan, activations, settings);
                return new Dictionary<string, BlobId>
                {
                    ["configuration"] = await context.Directory.Blobs.PutAsync(stream => ConfigurationFile.Write(chosen, stream), c),
                    ["methods"] = await context.Directory.Blobs.PutAsync(CanonicalJson.Serialize(methods, StageJson.Default.IReadOnlyDictionaryStringString), c),
                };
            },
            cancellation);
        return new Dictionary<string, BlobId>(outputs) { ["statistics"] = statisticsBlob };
    }

    public static RangeSettings SettingsOf(JobSettings settings) => new()
    {
        Method = settings.Method.ToString().ToLowerInvariant(),
        PerChannel = settings.Granularity == WeightGranularity.Channel,
        ClipWeights = settings.WeightRange == WeightRangeMethod.Mse,
        Weights = settings.Weights == WeightType.Int4 ? IntegerType.Int4 : IntegerType.Int8,
    };

    private static byte[] ToBytes(CalibrationStatistics statistics)
    {
        using MemoryStream stream = new();
        StatisticsFile.Write(statistics, stream);
        return stream.ToArray();
    }
}
