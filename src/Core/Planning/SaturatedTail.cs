using QuantCluster.Numerics;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Planning;

/// <summary>
/// The part of a tensor's range its readers can tell apart. HardSwish(x) = x·HardSigmoid(x) is 0 for every x ≤ −3:
/// integers spent below −3 are wasted, so the range may start there without any error.
/// </summary>
internal static class SaturatedTail
{
    public static RealRange? Of(Graph graph, string tensor)
    {
        if (graph.IsOutput(tensor) || graph.IsUsedInSubgraph(tensor))
            return null;
        IReadOnlyList<NodeProto> readers = graph.Consumers(tensor);
        if (readers is [var only] && only.IsStandard("HardSwish"))
            return new RealRange(-3, double.PositiveInfinity);
        if (readers.Count != 2)
            return null;

        NodeProto? gate = readers.FirstOrDefault(r => !r.IsStandard("Mul"));
        NodeProto? product = readers.FirstOrDefault(r => r.IsStandard("Mul"));
        if (gate is null || product is null)
            return null;
        if (gate.IsStandard("HardSigmoid") && product.Input.Contains(gate.Output[0]))
        {
            // max(0, min(1, alpha·x + beta)), operator defaults 0.2 and 0.5.
            float alpha = gate.FloatAttribute("alpha", 0.2f), beta = gate.FloatAttribute("beta", 0.5f);
            return alpha > 0 ? new RealRange(-beta / (double)alpha, double.PositiveInfinity) : null;
        }

        // The exporters' spelling: x·clip(x + 3, 0, 6)/6, divided before or after the product.
        if (gate.IsStandard("Add") && graph.SoleReader(gate.Output[0]) is { } clip && clip.IsStandard("Clip")
            && (product.Input.Contains(clip.Output[0]) || product.Input.Any(i => IsMultipleOf(graph, i, clip.Output[0]))) && graph.ConstantScalar(clip.InputOrNull(1)) is 0f
            && gate.Input.Where(i => i != tensor).Select(i => graph.ConstantScalar(i)).FirstOrDefault() is { } shift)
            return new RealRange(-(double)shift, double.PositiveInfinity);
        return null;
    }

    private static bool IsMultipleOf(Graph graph, string tensor, string of) =>
        graph.Producer(tensor) is { } factor && ((factor.IsStandard("Div") && factor.Input[0] == of && graph.ConstantScalar(factor.Input[1]) is not null)
            || (factor.IsStandard("Mul") && factor.Input.Contains(of) && factor.Input.Any(i => graph.ConstantScalar(i) is not null)));
}
