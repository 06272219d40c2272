using QuantCluster.Emission;
using QuantCluster.Onnx;
using QuantCluster.Planning;

namespace QuantCluster.Jobs.Stages;

/// <summary>Configuration → the INT8 model's bytes, which say what statistics they rest on.</summary>
internal static class EmitStage
{
    public static async Task<BlobId> RunAsync(
        StageContext context, BlobId model, OnnxModel prepared, BlobId planBlob, QuantizationPlan plan, BlobId configuration, string statistics, CancellationToken cancellation)
    {
        IReadOnlyDictionary<string, BlobId> outputs = await context.Runner.RunStoringAsync(
            "emit",
            [model.Value, planBlob.Value, configuration.Value, statistics],
            async c =>
            {
                QuantizationConfiguration chosen = await context.Handlers.Values.ConfigurationAsync(configuration, c);
                OnnxModel emitted = Emitter.Emit(prepared, plan, chosen);
                AlignedChannels.Apply(emitted, plan);
                emitted.SetMetadata("quantcluster.statistics", statistics);
                return await ModelBlobs.PutAsync(context.Directory.Blobs, emitted, c);
            },
            cancellation);
        return outputs["model"];
    }
}
