using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Emission;

/// <summary>
/// ONNX has INT4 from opset 21 (format version 10) on. Brings an emitted model there; between opsets 13 and 21 few operators
/// changed in a way that matters (https://onnx.ai/onnx/operators).
/// </summary>
internal static class Int4Opset
{
    public const long Version = 21;

    private const long FormatVersion = 10;

    private static readonly HashSet<string> Reductions =
    [
        "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceSumSquare",
    ];

    /// <summary>Raises the model's opset in place. Null when done; otherwise the operator that stands in the way, and nothing was changed.</summary>
    public static string? Raise(OnnxModel model)
    {
        if (model.Proto.Functions.Count > 0)
            return "functions";
        if (model.Opset < Version)
        {
            if (AllNodes(model.Proto.Graph.Node, false).FirstOrDefault(n => Stands(n.Node, n.Inside)) is { Node: { } hindrance })
                return hindrance.OpType;
            foreach (NodeProto node in model.Graph.Nodes.Where(n => IsReduction(n, model.Opset)))
            {
                // Axes are an input from opset 18 on.
                AttributeProto axes = node.Attribute("axes")!;
                string name = model.Graph.FreshName(node.Output[0] + "_axes");
                model.Proto.Graph.Initializer.Add(Tensors.FromInt64s(name, [axes.Ints.Count], [.. axes.Ints]));
                node.Attribute.Remove(axes);
                node.Input.Add(name);
            }

            foreach (OperatorSetIdProto import in model.Proto.OpsetImport.Where(o => o.Domain is "" or "ai.onnx"))
                import.Version = Version;
        }

        model.Proto.IrVersion = Math.Max(model.Proto.IrVersion, FormatVersion);
        model.Graph.Reindex();
        return null;
    }

    private static bool IsReduction(NodeProto node, long opset) =>
        opset < 18 && (node.Domain is "" or "ai.onnx") && Reductions.Contains(node.OpType) && node.Attribute("axes") is not null;

    private static bool Stands(NodeProto node, bool inside) => (node.Domain is "" or "ai.onnx")
        && (node.OpType is "GridSample" or "GroupNormalization" || (node.OpType == "Split" && node.InputOrNull(1) is null)
            || (node.OpType == "BatchNormalization" && node.Output.Count > 1) || (inside && Reductions.Contains(node.OpType) && node.Attribute("axes") is not null));

    private static IEnumerable<(NodeProto Node, bool Inside)> AllNodes(IEnumerable<NodeProto> nodes, bool inside)
    {
        foreach (NodeProto node in nodes)
        {
            yield return (node, inside);
            foreach (GraphProto body in node.Attribute.SelectMany(a => a.G is null ? a.Graphs : a.Graphs.Append(a.G)))
            {
                foreach ((NodeProto Node, bool Inside) found in AllNodes(body.Node, true))
                    yield return found;
            }
        }
    }
}
