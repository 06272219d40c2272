using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Preparation.Rewrites;

/// <summary>Transpose, BatchNormalization, Transpose back: a Mul and an Add along the channel's own axis do it in place.</summary>
internal sealed class UntransposeBatchNormalization : IGraphRewrite
{
    public string Name => "untranspose-batch-normalization";

    public bool TryApply(Graph graph, NodeProto node)
    {
        if (!node.IsStandard("BatchNormalization") || ConstantAffine.Of(graph, node) is not { } affine
            || graph.Producer(affine.Input) is not { } into || !into.IsStandard("Transpose") || !graph.HasSingleReader(affine.Input, out _)
            || !graph.HasSingleReader(affine.Output, out NodeProto? back) || !back.IsStandard("Transpose")
            || into.IntsAttribute("perm") is not { } there || back.IntsAttribute("perm") is not { } home
            || there.Length != home.Length || Enumerable.Range(0, home.Length).Any(d => there[home[d]] != d))
            return false;

        long[] shape = [.. Enumerable.Repeat(1L, there.Length - (int)there[1])];
        shape[0] = affine.Scale!.Length;
        string output = back.Output[0];
        string scaled = graph.FreshName($"{output}/scaled");
        string scale = graph.AddConstant($"{output}/scale", Tensors.FromFloats("", shape, [.. affine.Scale.Select(v => (float)v)]));
        string shift = graph.AddConstant($"{output}/shift", Tensors.FromFloats("", shape, [.. affine.Shift!.Select(v => (float)v)]));
        graph.InsertBefore(back,
            Nodes.Create("Mul", scaled, [into.Input[0], scale], [scaled]),
            Nodes.Create("Add", node.Name, [scaled, shift], [output]));
        graph.RemoveNode(into);
        graph.RemoveNode(node);
        graph.RemoveNode(back);
        return true;
    }
}
