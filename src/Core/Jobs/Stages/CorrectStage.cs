using QuantCluster.Corrections;
using QuantCluster.Emission;
using QuantCluster.Onnx;
using QuantCluster.Planning;

namespace QuantCluster.Jobs.Stages;

/// <summary>Configuration → configuration whose biases make up for what rounding shifts.</summary>
internal static class CorrectStage
{
    /// <returns>The configuration to go on with, and what was tried.</returns>
    public static async Task<(BlobId Configuration, IReadOnlyList<CorrectionTrial> Trials)> RunAsync(
        StageContext context, BlobId model, OnnxModel prepared, BlobId planBlob, QuantizationPlan plan, BlobId configuration, int threads, CancellationToken cancellation)
    {
        CorrectionSettings settings = new() { Mode = context.Settings.Correct, Ranges = RangesStage.SettingsOf(context.Settings), Threads = threads };
        if (settings.Mode == CorrectionMode.None)
            return (configuration, []);
        string[] inputs = [settings.Mode.ToString(), settings.Ranges.ToString(), model.Value, planBlob.Value, configuration.Value, context.DataKey];
        IReadOnlyDictionary<string, BlobId> outputs = await context.Runner.RunAsync("correct", inputs, async c =>
        {
            QuantizationConfiguration chosen = ConfigurationFile.Parse(await context.Directory.Blobs.GetAsync(configuration, c));
            CorrectionResult result = CorrectionChoice.Choose(prepared, plan, chosen, context.Sources.Data, settings, c);
            return new Dictionary<string, byte[]>
            {
                ["configuration"] = ConfigurationFile.ToBytes(result.Configuration),
                ["trials"] = CanonicalJson.Serialize(result.Trials, StageJson.Default.IReadOnlyListCorrectionTrial),
            };
        }, cancellation);
        return (outputs["configuration"], await context.ReadJsonAsync(outputs["trials"], StageJson.Default.IReadOnlyListCorrectionTrial, cancellation));
    }
}
