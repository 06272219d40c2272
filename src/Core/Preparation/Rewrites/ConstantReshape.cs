using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Preparation.Rewrites;

/// <summary>
/// A Reshape to a shape that is put together at run time, as exporters write [Shape(x)[0], 5, 48]: dimensions that are the
/// input's own become 0 (copy), a single other one becomes −1 (infer), and the nodes that computed them fall away.
/// </summary>
internal sealed class ConstantReshape : IGraphRewrite
{
    public string Name => "constant-reshape";

    public bool TryApply(Graph graph, NodeProto node)
    {
        if (!node.IsStandard("Reshape") || node.IntAttribute("allowzero", 0) != 0 || graph.Initializer(node.Input[1]) is not null
            || graph.Producer(node.Input[1]) is not { } concat || !concat.IsStandard("Concat"))
            return false;

        List<long> shape = [];
        foreach (string part in concat.Input)
        {
            if (graph.Initializer(part) is { } constant)
                shape.AddRange(constant.ToInt64s());
            else if (DimensionSource.ListOf(graph, part) is { } sources)
                sources.ForEach(s => shape.Add(s.Covers(graph, node.Input[0], shape.Count) ? 0 : -1));
            else
                return false;
        }

        if (shape.Count(d => d == -1) > 1)
            return false;
        node.Input[1] = graph.AddConstant($"{node.Output[0]}/shape", Tensors.FromInt64s("", [shape.Count], [.. shape]));
        return true;
    }
}
