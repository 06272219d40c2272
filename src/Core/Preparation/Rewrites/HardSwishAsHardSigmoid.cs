using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Preparation.Rewrites;

/// <summary>
/// x · Clip(x + 3, 0, 6), HardSwish's decomposition but for the division by 6, becomes x · HardSigmoid(x) · 6: one operator less, and
/// the constant factor is free to be folded away. In general Clip(x + b, 0, m) = m · HardSigmoid(x; α = 1/m, β = b/m).
/// </summary>
internal sealed class HardSwishAsHardSigmoid : IGraphRewrite
{
    public string Name => "hard-swish-as-hard-sigmoid";

    public bool TryApply(Graph graph, NodeProto node)
    {
        if (!node.IsStandard("Clip") || !graph.HasSingleReader(node.Output[0], out NodeProto? product) || !product.IsStandard("Mul")
            || Bound(graph, node, 1) is not 0 || Bound(graph, node, 2) is not { } maximum || maximum <= 0
            || graph.Producer(node.Input[0]) is not { } sum || !sum.IsStandard("Add") || !graph.HasSingleReader(sum.Output[0], out _)
            || ConstantAffine.Of(graph, sum) is not { Shift: [var offset], Scale: null } affine
            || !product.Input.Contains(affine.Input) || !(affine.ConstantRank <= 1 || affine.ConstantRank <= graph.Rank(affine.Input)))
            return false;

        string gate = graph.FreshName($"{node.Output[0]}/gate");
        NodeProto sigmoid = Nodes.Create("HardSigmoid", gate, [affine.Input], [gate],
            Nodes.Float("alpha", (float)(1 / maximum)), Nodes.Float("beta", (float)(offset / maximum)));
        graph.InsertBefore(product, sigmoid);
        graph.RemoveNode(sum);
        graph.RemoveNode(node);

        string result = product.Output[0];
        string raw = graph.FreshName($"{result}/gated");
        string factor = graph.AddConstant($"{result}/factor", Tensors.FromFloats("", [], [(float)maximum]));
        product.ReplaceInput(node.Output[0], gate);
        product.Output[0] = raw;
        graph.InsertAfter(product, Nodes.Create("Mul", graph.FreshName($"{result}/scale"), [raw, factor], [result]));
        return true;
    }

    private static double? Bound(Graph graph, NodeProto clip, int index) =>
        clip.InputOrNull(index) is { } name && graph.Initializer(name) is { } tensor && tensor.ElementType() == ElementType.Float
        && tensor.ToFloats() is [float value] ? value : null;
}
