using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Preparation.Rewrites;

/// <summary>
/// Pad with zeros over the spatial axes, before a Conv, or before an AveragePool that counts padding: the operator
/// pads by itself.
/// </summary>
internal sealed class MergePadding : IGraphRewrite
{
    public string Name => "merge-padding";

    public bool TryApply(Graph graph, NodeProto node)
    {
        if (!node.IsStandard("Pad") || node.StringAttribute("mode", "constant") != "constant" || node.InputOrNull(3) is not null
            || node.InputOrNull(1) is not { } name || graph.Initializer(name)?.ToInt64s() is not { } pads || !FillsWithZero(graph, node)
            || !graph.HasSingleReader(node.Output[0], out NodeProto? reader) || reader.Input[0] != node.Output[0])
            return false;

        int rank = pads.Length / 2;
        if (rank < 3 || pads.Any(p => p < 0) || pads[0] != 0 || pads[1] != 0 || pads[rank] != 0 || pads[rank + 1] != 0 || !PadsItself(reader, pads))
            return false;

        int spatial = rank - 2;
        long[] merged = reader.IntsAttribute("pads") ?? new long[2 * spatial];
        for (int axis = 0; axis < spatial; axis++)
        {
            merged[axis] += pads[2 + axis];
            merged[spatial + axis] += pads[rank + 2 + axis];
        }

        if (reader.Attribute("pads") is { } old)
            reader.Attribute.Remove(old);
        reader.Attribute.Add(Nodes.Ints("pads", merged));
        if (reader.OpType == "AveragePool")
            SetCountsPadding(reader);
        return graph.TryBypass(node, node.Input[0], node.Output[0]);
    }

    private static bool PadsItself(NodeProto reader, long[] pads)
    {
        if (reader.StringAttribute("auto_pad", "NOTSET") is not "NOTSET")
            return false;
        if (reader.IsStandard("Conv"))
            return true;
        if (!reader.IsStandard("AveragePool") || reader.IntAttribute("ceil_mode", 0) != 0)
            return false;
        // Padding that the operator had before does not count unless it says so; ONNX asks that padding be smaller than the kernel.
        bool padded = (reader.IntsAttribute("pads") ?? []).Any(p => p != 0);
        long[] kernel = reader.IntsAttribute("kernel_shape") ?? [];
        int rank = pads.Length / 2;
        bool small = kernel.Length == rank - 2
            && Enumerable.Range(0, kernel.Length).All(a => pads[2 + a] < kernel[a] && pads[rank + 2 + a] < kernel[a]);
        return small && !padded;
    }

    private static void SetCountsPadding(NodeProto reader)
    {
        if (reader.Attribute("count_include_pad") is { } old)
            reader.Attribute.Remove(old);
        reader.Attribute.Add(Nodes.Int("count_include_pad", 1));
    }

    private static bool FillsWithZero(Graph graph, NodeProto node) => node.InputOrNull(2) is not { } value
        || (graph.Initializer(value) is { } constant && constant.ElementType() == ElementType.Float && constant.ToFloats().All(v => v == 0));
}
