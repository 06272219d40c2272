using QuantCluster.Inference;
using QuantCluster.Onnx;
using QuantCluster.Planning;

namespace QuantCluster.Jobs.Stages;

/// <summary>Prepared model → which tensors are quantized, which layers stay float and why (<c>plan</c>); tensors' <c>shapes</c>.</summary>
internal static class PlanStage
{
    public static async Task<IReadOnlyDictionary<string, BlobId>> RunAsync(StageContext context, BlobId model, OnnxModel prepared, CancellationToken cancellation)
    {
        IReadOnlyList<string> floats = context.Settings.KeepFloat ?? [];
        return await context.Runner.RunAsync("plan", [model.Value, context.DataKey, .. floats], c =>
        {
            IReadOnlyDictionary<string, TensorShape> shapes = TensorProbe.Observe(prepared, context.Sources.Data.Read(0));
            QuantizationPlan plan = Planner.Plan(prepared, shapes, PlanSettings.Default with { KeepFloat = floats.Select(f => LayerOf(prepared, f)).ToHashSet() });
            return new Dictionary<string, byte[]>
            {
                ["shapes"] = CanonicalJson.Serialize(shapes, StageJson.Default.IReadOnlyDictionaryStringTensorShape),
                ["plan"] = CanonicalJson.Serialize(plan, StageJson.Default.QuantizationPlan),
            };
        }, cancellation);
    }

    /// <summary>The id of a layer that a user named, by its node or by the tensor it writes.</summary>
    private static string LayerOf(OnnxModel prepared, string name) =>
        prepared.Graph.Producer(name) is not null ? name
        : prepared.Graph.Nodes.FirstOrDefault(n => n.Name == name && n.Output.Count > 0)?.Output[0]
        ?? throw new QuantException(ExitCode.Usage, $"--keep-float: the model has no layer '{name}'. 'quant inspect MODEL' lists them.");
}
