using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Emission.Lint;

/// <summary>
/// The Add that ONNX Runtime's MatMulAddFusion merges with a MatMul of matrices into a Gemm, before it looks for
/// quantization: the Add's float constant then is a bias that has to be quantized as well.
/// </summary>
internal static class MergedAdd
{
    public static NodeProto? Behind(QuantizedGraph graph, NodeProto matMul)
    {
        string product = matMul.Output[0];
        if (graph.Graph.IsOutput(product) || graph.Graph.Consumers(product) is not [{ OpType: "Add" } add])
            return null;
        string other = add.Input[0] == product ? add.Input[1] : add.Input[0];
        return other != product && graph.Constant(other) is { Dims.Count: >= 1 and <= 2 }
            && StaticRank.Of(graph, matMul.Input[0]) == 2 && StaticRank.Of(graph, matMul.Input[1]) == 2
            ? add
            : null;
    }

    /// <summary>Whether ONNX Runtime will quantize the bias and so make it a QGemm.</summary>
    public static bool IsQuantized(QuantizedGraph graph, NodeProto matMul, NodeProto add)
    {
        string bias = add.Input[0] == matMul.Output[0] ? add.Input[1] : add.Input[0];
        NodeProto gemm = Nodes.Create("Gemm", matMul.Name, [matMul.Input[0], matMul.Input[1], bias], [add.Output[0]]);
        return WeightBiasQuantization.Applies(graph, gemm) && graph.Quantizer(add.Output[0]) is not null;
    }
}
