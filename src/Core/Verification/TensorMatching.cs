using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Verification;

/// <summary>Finds the tensors of a quantized model that stand for tensors of the float model.</summary>
public static class TensorMatching
{
    /// <summary>
    /// By name: float tensor X is, in the quantized model, what a DequantizeLinear makes of the quantized X, or X itself
    /// where anybody reads that.
    /// Left out are tensors between a layer and the activation fused into it (looking at one would unfuse the pair), and
    /// results of ops that only move values (their error is that of what they moved) and masked attention scores: next to
    /// a mask's huge constants no error shows.
    /// </summary>
    public static IReadOnlyDictionary<string, string> ByName(OnnxModel reference, OnnxModel quantized)
    {
        Dictionary<string, string> matches = new(StringComparer.Ordinal);
        foreach (string tensor in reference.Graph.Nodes.Where(n => !MovesValues(n)).SelectMany(n => n.Output).Where(o => o.Length > 0 && !IsMasked(reference.Graph, o)))
        {
            if (Match(quantized.Graph, tensor) is { } match)
                matches[tensor] = match;
        }

        return matches;
    }

    private static bool IsMasked(Graph graph, string tensor) =>
        graph.Producer(tensor)?.OpType is "Add" or "Where" && graph.Consumers(tensor) is [{ OpType: "Softmax" }];

    private static bool MovesValues(NodeProto node) => node.OpType is
        "Identity" or "Reshape" or "Flatten" or "Squeeze" or "Unsqueeze" or "Transpose" or "Slice" or "Split" or "Gather" or "Cast" or "Dropout"
        or "Constant" or "ConstantOfShape" or "Shape" or "Range" or "Expand" or "Tile" or "Pad";

    private static string? Match(Graph graph, string tensor)
    {
        if (graph.Producer(tensor) is not { } producer)
            return null;
        if (producer.IsStandard("DequantizeLinear"))
            return tensor;
        // Where others read the floats too, those are what the model goes on with.
        bool onlyIntegers = !graph.IsOutput(tensor) && graph.Consumers(tensor).All(n => n.OpType == "QuantizeLinear");
        foreach (NodeProto quantize in graph.Consumers(tensor).Where(n => onlyIntegers && n.OpType == "QuantizeLinear"))
        {
            if (graph.Consumers(quantize.Output[0]).FirstOrDefault(n => n.OpType == "DequantizeLinear") is { } dequantize)
                return dequantize.Output[0];
        }

        bool fuses = graph.Consumers(tensor) is [{ OpType: "Relu" or "Clip" or "LeakyRelu" or "Sigmoid" }] && !graph.IsOutput(tensor);
        return fuses ? null : tensor;
    }
}
