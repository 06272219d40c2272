using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Emission.Lint;

/// <summary>How many dimensions a tensor has, as far as declarations and the operators before it tell.</summary>
internal static class StaticRank
{
    private const int Horizon = 64;

    /// <returns>Null where it cannot be told.</returns>
    public static int? Of(QuantizedGraph graph, string? tensor, int depth = 0)
    {
        if (tensor is null || depth > Horizon)
            return null;
        if (graph.Graph.Initializer(tensor) is { } initializer)
            return initializer.Dims.Count;
        ValueInfoProto? declared = graph.Graph.Proto.Input.Concat(graph.Graph.Proto.ValueInfo).FirstOrDefault(v => v.Name == tensor);
        if (declared?.Type?.TensorType?.Shape is { } shape)
            return shape.Dim.Count;
        if (graph.Graph.Producer(tensor) is not { } node)
            return null;
        int? first = Of(graph, node.InputOrNull(0), depth + 1);
        return node.OpType switch
        {
            "Constant" => node.Attribute("value")?.T?.Dims.Count,
            "Gemm" or "Flatten" => 2,
            "Conv" => Of(graph, node.InputOrNull(1), depth + 1),
            "Reshape" => graph.Constant(node.Input[1]) is { } target ? (int)target.ElementCount() : null,
            "Add" or "Sub" or "Mul" or "Div" or "MatMul" => Larger(first, Of(graph, node.InputOrNull(1), depth + 1)),
            "QuantizeLinear" or "DequantizeLinear" or "Relu" or "Clip" or "Tanh" or "Sigmoid" or "Softmax" or "Transpose" or "Cast" or "Identity"
                or "LayerNormalization" or "BatchNormalization" or "Erf" or "Gelu" or "HardSwish" or "Slice" or "MaxPool" or "AveragePool" or "GlobalAveragePool" => first,
            _ => null,
        };
    }

    private static int? Larger(int? a, int? b) => a is { } x && b is { } y ? Math.Max(x, y) : null;
}
