using QuantCluster.Inference;
using QuantCluster.Onnx;
using QuantCluster.Planning;

namespace QuantCluster.Jobs.Stages;

/// <summary>Prepared model → which tensors are quantized, which layers stay float and why (<c>plan</c>); tensors' <c>shapes</c>.</summary>
internal static class PlanStage
{
    public static async Task<IReadOnlyDictionary<string, BlobId>> RunAsync(StageContext context, BlobId model, OnnxModel prepared, CancellationToken cancellation)
    {
        return await context.Runner.RunAsync("plan", [model.Value, context.DataKey], c =>
        {
            IReadOnlyDictionary<string, TensorShape> shapes = TensorProbe.Observe(prepared, context.Sources.Data.Read(0));
            QuantizationPlan plan = Planner.Plan(prepared, shapes, PlanSettings.Default);
            return new Dictionary<string, byte[]>
            {
                ["shapes"] = CanonicalJson.Serialize(shapes, StageJson.Default.IReadOnlyDictionaryStringTensorShape),
                ["plan"] = CanonicalJson.Serialize(plan, StageJson.Default.QuantizationPlan),
            };
        }, cancellation);
    }
}
