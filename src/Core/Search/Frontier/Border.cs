using QuantCluster.Inference;
using QuantCluster.Onnx;
using QuantCluster.Planning;

namespace QuantCluster.Search.Frontier;

/// <summary>What an emitted model converts between float and integers in one run.</summary>
/// <param name="Conversions">QuantizeLinear and DequantizeLinear nodes that run.</param>
/// <param name="Elements">Values they convert.</param>
public readonly record struct Border(int Conversions, long Elements)
{
    /// <summary>Read off a plan: where integers begin, and where a node that stays float reads them.</summary>
    public static Border Of(OnnxModel prepared, IReadOnlyDictionary<string, TensorShape> shapes, QuantizationPlan plan)
    {
        HashSet<string> integer = [.. plan.IntegerNodes, .. plan.Layers.Select(l => l.Id)];
        int conversions = 0;
        long elements = 0;
        foreach (QuantizationPoint point in plan.Points)
        {
            bool converts = !point.FromIntegerKernel || prepared.Graph.IsOutput(point.Tensor)
                || prepared.Graph.Consumers(point.Tensor).Any(c => c.Output.Count == 0 || !integer.Contains(c.Output[0]));
            if (!converts)
                continue;
            conversions++;
            elements += shapes.TryGetValue(point.Tensor, out TensorShape shape) ? shape.ElementCount : 0;
        }

        return new Border(conversions, elements);
    }
}
