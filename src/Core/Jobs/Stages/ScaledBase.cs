using QuantCluster.Calibration;
using QuantCluster.Emission;
using QuantCluster.Numerics;
using QuantCluster.Onnx;

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
        QuantizationConfiguration corrected = await context.Handlers.Values.ConfigurationAsync(inputs.Corrected, cancellation);
        Dictionary<string, AffineMapping> given = [];
        QuantizationConfiguration ranges = await context.Handlers.Values.ConfigurationAsync(inputs.Ranges, cancellation);
        if (corrected.Scalings.Count == 0 && ranges.Activations.All(a => corrected.Activations[a.Key] == a.Value))
            return (inputs, given);
        ScaledModel scaled = ScaledModel.Of(inputs.Prepared, inputs.Plan, corrected);
        for (int i = 0; i < inputs.Plan.Points.Count; i++)
        {
            string before = inputs.Plan.Points[i].Tensor, after = scaled.Plan.Points[i].Tensor;
            if (ranges.Activations[before] != corrected.Activations[before])
                given[after] = corrected.Activations[before];
        }

        IBlobStore blobs = context.Directory.Blobs;
        IReadOnlyDictionary<string, BlobId> outputs = await context.Runner.RunStoringAsync(
            "scale", [inputs.Model.Value, inputs.PlanBlob.Value, inputs.Ranges.Value, inputs.Corrected.Value],
            async c =>
            {
                QuantizationConfiguration uncorrected = scaled.Configuration with { Biases = new Dictionary<string, float[]>() };
                return new Dictionary<string, BlobId>(await ModelBlobs.PutAsync(blobs, scaled.Prepared, c))
                {
                    ["plan"] = await blobs.PutAsync(CanonicalJson.Serialize(scaled.Plan, StageJson.Default.QuantizationPlan), c),
                    ["ranges"] = await blobs.PutAsync(stream => ConfigurationFile.Write(uncorrected, stream), c),
                    ["corrected"] = await blobs.PutAsync(stream => ConfigurationFile.Write(scaled.Configuration, stream), c),
                };
            },
            cancellation);
        // From its blob a large one is mapped, where here its scaled tensors are copies.
        OnnxModel prepared = scaled.Prepared.IsLarge ? await context.ReadModelAsync(outputs["model"]) : scaled.Prepared;
        CalibrationStatistics seen = Calibrator.Calibrate(
            prepared, [.. given.Keys.Select(t => new TapRequest(t))], context.Sources.Data,
            new CalibrationSettings { Workers = QuantizationJob.ThreadsOf(context.Settings) }, null, cancellation);
        CalibrationStatistics statistics = new(
            inputs.Statistics.Samples, inputs.Statistics.Tensors.Values.Where(t => !given.ContainsKey(t.Name)).Concat(seen.Tensors.Values));
        return (new SearchInputs(outputs["model"], prepared, outputs["plan"], scaled.Plan, outputs["ranges"], outputs["corrected"], statistics), given);
    }
}
