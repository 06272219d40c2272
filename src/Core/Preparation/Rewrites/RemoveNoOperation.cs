using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Preparation.Rewrites;

/// <summary>Nodes that hand on their input: Identity, Dropout, Concat of one, Pad by nothing, Slice of everything, Transpose into the same order, · 1, + 0.</summary>
internal sealed class RemoveNoOperation : IGraphRewrite
{
    public string Name => "remove-no-operation";

    public bool TryApply(Graph graph, NodeProto node)
    {
        if (node.Domain is not ("" or "ai.onnx") || node.Output.Skip(1).Any(o => o.Length > 0 && (graph.Consumers(o).Count > 0 || graph.IsOutput(o))))
            return false;
        string? input = node.OpType switch
        {
            "Identity" => node.Input[0],
            "Dropout" => node.InputOrNull(2) is null ? node.Input[0] : null,
            "Concat" or "Sum" or "Max" or "Min" or "Mean" => node.Input.Count == 1 ? node.Input[0] : null,
            "Pad" => Constant(graph, node, 1) is { } pads && pads.All(p => p == 0) ? node.Input[0] : null,
            "Slice" => SlicesAll(graph, node) ? node.Input[0] : null,
            "Transpose" => KeepsOrder(node) ? node.Input[0] : null,
            "Mul" or "Div" or "Add" or "Sub" => NeutralInput(graph, node),
            _ => null,
        };
        // A constant or a model input handed on to an output needs the node.
        return input is not null && graph.TryBypass(node, input, node.Output[0]);
    }

    private static string? NeutralInput(Graph graph, NodeProto node)
    {
        if (ConstantAffine.Of(graph, node) is not { } affine || (affine.Scale ?? [1]).Any(s => s != 1) || (affine.Shift ?? [0]).Any(s => s != 0))
            return null;
        // The constant may be what gives the tensor its shape.
        if (affine.ConstantRank > 1 && !(affine.ConstantRank <= graph.Rank(affine.Input)))
            return null;
        return affine.IsScalar ? affine.Input : null;
    }

    private static bool SlicesAll(Graph graph, NodeProto node) =>
        Constant(graph, node, 1) is { } starts && starts.All(s => s == 0)
        && Constant(graph, node, 2) is { } ends && ends.All(e => e >= int.MaxValue)
        && (node.InputOrNull(4) is null || (Constant(graph, node, 4) is { } steps && steps.All(s => s == 1)));

    private static bool KeepsOrder(NodeProto node) =>
        node.IntsAttribute("perm") is { Length: > 0 } order && order.Select((from, to) => from == to).All(same => same);

    private static long[]? Constant(Graph graph, NodeProto node, int index) =>
        node.InputOrNull(index) is { } name && graph.Initializer(name) is { } tensor ? tensor.ToInt64s() : null;
}
