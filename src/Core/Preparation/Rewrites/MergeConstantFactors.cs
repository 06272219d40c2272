using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Preparation.Rewrites;

/// <summary>Two constant scalings in a row, or two constant shifts, become one: x / 6 · w = x · (w / 6).</summary>
internal sealed class MergeConstantFactors : IGraphRewrite
{
    public string Name => "merge-constant-factors";

    public bool TryApply(Graph graph, NodeProto node)
    {
        if (node.IsStandard("BatchNormalization") || ConstantAffine.Of(graph, node) is not { } second
            || graph.Producer(second.Input) is not { } before || before.IsStandard("BatchNormalization")
            || !graph.HasSingleReader(second.Input, out _) || ConstantAffine.Of(graph, before) is not { } first)
            return false;
        if (!first.IsScalar && !second.IsScalar && (first.AxisFromEnd != second.AxisFromEnd || Length(first) != Length(second)))
            return false;

        bool scales = first.Shift is null && second.Shift is null;
        bool shifts = first.Scale is null && second.Scale is null;
        if (!scales && !shifts)
            return false;
        int channels = Math.Max(Length(first), Length(second));
        float[] values = [.. Enumerable.Range(0, channels).Select(c => (float)(scales
            ? ConstantAffine.At(first.Scale, c, 1) * ConstantAffine.At(second.Scale, c, 1)
            : ConstantAffine.At(first.Shift, c, 0) + ConstantAffine.At(second.Shift, c, 0)))];

        ConstantAffine wide = first.IsScalar ? second : first;
        int rank = Math.Max(first.ConstantRank, second.ConstantRank);
        long[] shape = [.. Enumerable.Repeat(1L, rank)];
        if (!wide.IsScalar)
            shape[rank - 1 - wide.AxisFromEnd] = channels;
        string constant = graph.AddConstant($"{second.Output}/constant", Tensors.FromFloats("", shape, values));
        node.OpType = scales ? "Mul" : "Add";
        node.Input.Clear();
        node.Input.AddRange([first.Input, constant]);
        graph.RemoveNode(before);
        return true;
    }

    private static int Length(ConstantAffine affine) => (affine.Scale ?? affine.Shift)!.Length;
}
