using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Preparation.Rewrites;

/// <summary>
/// A MatMul of two matrices and the Add of one constant a column become a Gemm. ONNX Runtime makes the same of them when
/// it loads a model, quantized or not, and a Gemm that it made so has a float bias and computes in float.
/// </summary>
internal sealed class MatrixBiasAsGemm : IGraphRewrite
{
    public string Name => "matrix-bias-as-gemm";

    public bool TryApply(Graph graph, NodeProto node)
    {
        if (!node.IsStandard("MatMul") || graph.Rank(node.Input[0]) != 2
            || graph.Initializer(node.Input[1]) is not { Dims: [_, var columns] } weight || weight.ElementType() != ElementType.Float
            || !graph.HasSingleReader(node.Output[0], out NodeProto? add) || !add.IsStandard("Add"))
            return false;
        string constant = add.Input[0] == node.Output[0] ? add.Input[1] : add.Input[0];
        if (graph.Initializer(constant) is not { } bias || bias.ElementType() != ElementType.Float
            || bias.Dims is not ([_] or [1, _]) || bias.Dims[^1] != columns)
            return false;

        graph.InsertBefore(add, Nodes.Create("Gemm", node.Name, [node.Input[0], node.Input[1], constant], [add.Output[0]]));
        graph.RemoveNode(node);
        graph.RemoveNode(add);
        return true;
    }
}
