using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Emission.Lint;

/// <summary>
/// When ONNX Runtime's optimizer of this name quantizes what the model left float: a Conv, ConvTranspose or Gemm whose
/// input is dequantized per tensor and whose output leads, unbranched, through any Relu and Clip to a QuantizeLinear.
/// </summary>
internal static class WeightBiasQuantization
{
    public static bool Applies(QuantizedGraph graph, NodeProto node)
    {
        if (node.OpType is not ("Conv" or "ConvTranspose" or "Gemm") || graph.Dequantizer(node.Input[0]) is not { IsPerTensor: true } || !LeadsToQuantize(graph, node))
            return false;
        if (node.InputOrNull(2) is { } bias)
            return graph.Constant(bias) is { Dims.Count: 1 } && WeightFits(graph, node);
        return WeightIsFloat(graph, node);
    }

    /// <summary>Whether the float weight becomes INT8, per tensor.</summary>
    public static bool QuantizesWeight(QuantizedGraph graph, NodeProto node) =>
        Applies(graph, node) && WeightIsFloat(graph, node);

    private static bool WeightIsFloat(QuantizedGraph graph, NodeProto node) =>
        (graph.Constant(node.Input[1]) is { } weight && weight.ElementType() == ElementType.Float) || StoredWeight.Of(graph.Graph, node.Input[1]) is not null;

    private static bool WeightFits(QuantizedGraph graph, NodeProto node)
    {
        if (graph.DirectDequantizer(node.Input[1]) is not { } weight)
            return WeightIsFloat(graph, node);
        if (weight.IsPerTensor)
            return true;
        long axis = node.OpType == "Gemm" && node.IntAttribute("transB", 0) == 0 ? 1 : 0;
        return weight.Axis == axis && weight.Node.IntAttribute("block_size", 0) == 0;
    }

    private static bool LeadsToQuantize(QuantizedGraph graph, NodeProto node)
    {
        string tensor = node.Output[0];
        while (graph.Graph.Consumers(tensor) is [var consumer])
        {
            if (QuantizedGraph.IsQuantize(consumer))
                return true;
            if (consumer.OpType is not ("Relu" or "Clip"))
                return graph.Quantizer(tensor) is not null;
            tensor = consumer.Output[0];
        }

        return false;
    }
}
