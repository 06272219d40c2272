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
    /// The trial in which of the plan's layers only <paramref name="quantized"/> stay on integers. A part makes no new
    /// points, so the configuration has every number that is needed.
    /// </summary>
    /// <returns>Null where no layer is left (<see cref="PartialPlan"/>).</returns>
    public Trial? Of(IReadOnlySet<string> quantized)
    {
        QuantizationPlan part = PartialPlan.Of(prepared, shapes, plan, quantized);
        if (part.Layers.Count == 0)
            return null;
        HashSet<string> layers = [.. part.Layers.Select(l => l.Id)];
        HashSet<string> points = [.. part.Points.Select(p => p.Tensor)];
        return new Trial(part, new QuantizationConfiguration(
            Of(configuration.Activations, points), Of(configuration.Weights, layers), Of(configuration.Biases, layers)));
    }

    private static Dictionary<string, T> Of<T>(IReadOnlyDictionary<string, T> all, HashSet<string> kept) =>
        all.Where(p => kept.Contains(p.Key)).ToDictionary();
}
