using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Preparation.Rewrites;

/// <summary>
/// x · x under a mean, as in RMS normalisation, written as Pow(x, 2): the form ONNX Runtime knows how to fuse.
/// </summary>
internal sealed class SquareAsPower : IGraphRewrite
{
    public string Name => "square-as-power";

    public bool TryApply(Graph graph, NodeProto node)
    {
        if (!node.IsStandard("Mul") || node.Input[0] != node.Input[1]
            || !graph.HasSingleReader(node.Output[0], out NodeProto? mean) || !mean.IsStandard("ReduceMean")
            || !graph.HasSingleReader(mean.Output[0], out NodeProto? sum) || !sum.IsStandard("Add")
            || !graph.HasSingleReader(sum.Output[0], out NodeProto? root) || !root.IsStandard("Sqrt"))
            return false;
        node.OpType = "Pow";
        node.Input[1] = graph.AddConstant($"{node.Output[0]}/exponent", Tensors.FromFloats("", [], [2]));
        return true;
    }
}
