using QuantCluster.Emission;
using QuantCluster.Inference;
using QuantCluster.Onnx;
using QuantCluster.Planning;

namespace QuantCluster.Search.Frontier;

/// <summary>Makes trials in which some layers of a configured plan go back to float.</summary>
internal sealed class Subset(OnnxModel prepared, IReadOnlyDictionary<string, TensorShape> shapes, QuantizationPlan plan, QuantizationConfiguration configuration)
{
    /// <summary>The plan with every layer quantized.</summary>
    public QuantizationPlan Plan => plan;

    /// <summary>
    /// The trial in which of the plan's layers only <paramref name="quantized"/> stay on integers. Leaving layers float
    /// never makes new points, so the configuration has every number that is needed.
    /// </summary>
    /// <returns>Null where no layer is left: the planner lets layers go that would be alone.</returns>
    public Trial? Of(IReadOnlySet<string> quantized)
    {
        if (PlanOf(quantized) is not { } part)
            return null;
        HashSet<string> layers = [.. part.Layers.Select(l => l.Id)];
        HashSet<string> points = [.. part.Points.Select(p => p.Tensor)];
        return new Trial(part, new QuantizationConfiguration(
            Of(configuration.Activations, points), Of(configuration.Weights, layers), Of(configuration.Biases, layers)));
    }

    private QuantizationPlan? PlanOf(IReadOnlySet<string> quantized)
    {
        if (plan.Layers.All(l => quantized.Contains(l.Id)))
            return plan;
        if (!plan.Layers.Any(l => quantized.Contains(l.Id)))
            return null;

        // What was float before stays float, and for the reason it was.
        Dictionary<string, FloatLayer> before = plan.FloatLayers.ToDictionary(l => l.Id);
        HashSet<string> keep = [.. before.Keys, .. plan.Layers.Select(l => l.Id).Where(id => !quantized.Contains(id))];
        try
        {
            QuantizationPlan part = Planner.Plan(prepared, shapes, new PlanSettings { KeepFloat = keep });
            return part with { FloatLayers = [.. part.FloatLayers.Select(l => before.GetValueOrDefault(l.Id) ?? l)] };
        }
        catch (QuantException e) when (e.Code == ExitCode.BadModel)
        {
            return null;
        }
    }

    private static Dictionary<string, T> Of<T>(IReadOnlyDictionary<string, T> all, HashSet<string> kept) =>
        all.Where(p => kept.Contains(p.Key)).ToDictionary();
}
