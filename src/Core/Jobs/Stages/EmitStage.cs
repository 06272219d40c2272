using QuantCluster.Emission;
using QuantCluster.Onnx;
using QuantCluster.Planning;

namespace QuantCluster.Jobs.Stages;

/// <summary>Configuration → the INT8 model's bytes.</summary>
internal static class EmitStage
{
    public static async Task<BlobId> RunAsync(
        StageContext context, BlobId model, OnnxModel prepared, BlobId planBlob, QuantizationPlan plan, BlobId configuration, CancellationToken cancellation)
    {
        IReadOnlyDictionary<string, BlobId> outputs = await context.Runner.RunAsync(
            "emit",
            [model.Value, planBlob.Value, configuration.Value],
            async c =>
            {
                QuantizationConfiguration chosen = ConfigurationFile.Parse(await context.Directory.Blobs.GetAsync(configuration, c));
                return new Dictionary<string, byte[]> { ["model"] = Emitter.Emit(prepared, plan, chosen).ToBytes() };
            },
            cancellation);
        return outputs["model"];
    }
}
