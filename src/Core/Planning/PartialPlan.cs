using QuantCluster.Inference;
using QuantCluster.Onnx;

namespace QuantCluster.Planning;

/// <summary>Plans that have fewer layers than a whole one.</summary>
public static class PartialPlan
{
    /// <summary>
    /// The plan in which, of the layers of <paramref name="whole"/>, only <paramref name="quantized"/> stay on integers.
    /// Its points are among the whole plan's: leaving layers float never makes new ones.
    /// </summary>
    /// <param name="quantized">Ids of layers.</param>
    /// <returns>A plan without layers where none is left: the planner lets layers go that would be alone.</returns>
    public static QuantizationPlan Of(
        OnnxModel prepared, IReadOnlyDictionary<string, TensorShape> shapes, QuantizationPlan whole, IReadOnlySet<string> quantized)
    {
        if (whole.Layers.All(l => quantized.Contains(l.Id)))
            return whole;
        QuantizationPlan nothing = new([], [], [], whole.FloatLayers);
        if (!whole.Layers.Any(l => quantized.Contains(l.Id)))
            return nothing;

        // What was float before stays float, and for the reason it was.
        Dictionary<string, FloatLayer> before = whole.FloatLayers.ToDictionary(l => l.Id);
        HashSet<string> keep = [.. before.Keys, .. whole.Layers.Select(l => l.Id).Where(id => !quantized.Contains(id))];
        try
        {
            QuantizationPlan part = Planner.Plan(prepared, shapes, new PlanSettings { KeepFloat = keep });
            return part with { FloatLayers = [.. part.FloatLayers.Select(l => before.GetValueOrDefault(l.Id) ?? l)] };
        }
        catch (QuantException e) when (e.Code == ExitCode.BadModel)
        {
            return nothing;
        }
    }
}
