using QuantCluster.Calibration;
using QuantCluster.Emission;
using QuantCluster.Numerics;

namespace QuantCluster.Jobs.Stages;

/// <summary>
/// What a search starts from where the fast start scaled channels (<see cref="QuantizationConfiguration.Scalings"/>): the
/// scaled model takes the prepared one's place, since as floats they are the same. Ranges of scaled tensors are given: they
/// were chosen with the factors.
/// </summary>
internal static class ScaledBase
{
    public static async Task<(SearchInputs Inputs, IReadOnlyDictionary<string, AffineMapping> Given)> OfAsync(
        StageContext context, SearchInputs inputs, CancellationToken cancellation)
    {
        QuantizationConfiguration corrected = ConfigurationFile.Parse(await context.Directory.Blobs.GetAsync(inputs.Corrected, cancellation));
        Dictionary<string, AffineMapping> given = [];
        QuantizationConfiguration ranges = ConfigurationFile.Parse(await context.Directory.Blobs.GetAsync(inputs.Ranges, cancellation));
        if (corrected.Scalings.Count == 0 && ranges.Activations.All(a => corrected.Activations[a.Key] == a.Value))
            return (inputs, given);
        ScaledModel scaled = ScaledModel.Of(inputs.Prepared, inputs.Plan, corrected);
        for (int i = 0; i < inputs.Plan.Points.Count; i++)
        {
            string before = inputs.Plan.Points[i].Tensor, after = scaled.Plan.Points[i].Tensor;
            if (ranges.Activations[before] != corrected.Activations[before])
                given[after] = corrected.Activations[before];
        }

        IReadOnlyDictionary<string, BlobId> outputs = await context.Runner.RunAsync(
            "scale", [inputs.Model.Value, inputs.PlanBlob.Value, inputs.Ranges.Value, inputs.Corrected.Value],
            _ => new Dictionary<string, byte[]>
            {
                ["model"] = scaled.Prepared.ToBytes(),
                ["plan"] = CanonicalJson.Serialize(scaled.Plan, StageJson.Default.QuantizationPlan),
                ["ranges"] = ConfigurationFile.ToBytes(scaled.Configuration with { Biases = new Dictionary<string, float[]>() }),
                ["corrected"] = ConfigurationFile.ToBytes(scaled.Configuration),
            },
            cancellation);
        CalibrationStatistics seen = Calibrator.Calibrate(
            scaled.Prepared, [.. given.Keys.Select(t => new TapRequest(t))], context.Sources.Data,
            new CalibrationSettings { Workers = QuantizationJob.ThreadsOf(context.Settings) }, null, cancellation);
        CalibrationStatistics statistics = new(
            inputs.Statistics.Samples, inputs.Statistics.Tensors.Values.Where(t => !given.ContainsKey(t.Name)).Concat(seen.Tensors.Values));
        return (new SearchInputs(outputs["model"], scaled.Prepared, outputs["plan"], scaled.Plan, outputs["ranges"], outputs["corrected"], statistics), given);
    }
}
