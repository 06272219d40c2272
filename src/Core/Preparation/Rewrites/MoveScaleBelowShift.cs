using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Preparation.Rewrites;

/// <summary>
/// x · s + t before padded convolutions, which can take in a scale but no shift, becomes (x + t/s) · s: the scale now stands where
/// <see cref="FoldAffineIntoConsumers"/> takes it. Zero padding stays zero.
/// </summary>
internal sealed class MoveScaleBelowShift : IGraphRewrite
{
    /// <summary>Shifts may grow this much: beyond, adding x to them would lose its low bits.</summary>
    private const double LargestGrowth = 64;

    public string Name => "move-scale-below-shift";

    public bool TryApply(Graph graph, NodeProto node)
    {
        if (ConstantAffine.Of(graph, node) is not { Scale: null, Shift: [var shift] } sum
            || graph.Producer(sum.Input) is not { } product || !graph.HasSingleReader(sum.Input, out _)
            || ConstantAffine.Of(graph, product) is not { Scale: [var scale], Shift: null } factor
            || scale == 0 || Math.Abs(1 / scale) > LargestGrowth || RuntimePatterns.EndsWith(graph, product)
            || graph.IsOutput(sum.Output) || graph.IsUsedInSubgraph(sum.Output))
            return false;
        IReadOnlyList<NodeProto> readers = graph.Consumers(sum.Output);
        if (readers.Count == 0 || !readers.All(r => r.Input[0] == sum.Output && r.IsStandard("Conv") && LinearLayer.Of(graph, r) is { TakesInputShift: false }))
            return false;

        string shifted = graph.FreshName($"{sum.Output}/shifted");
        string constant = graph.AddConstant($"{sum.Output}/shift", Tensors.FromFloats("", Ones(sum.ConstantRank), [(float)(shift / scale)]));
        string multiplier = graph.AddConstant($"{sum.Output}/scale", Tensors.FromFloats("", Ones(factor.ConstantRank), [(float)scale]));
        product.OpType = "Add";
        product.Input.Clear();
        product.Input.AddRange([factor.Input, constant]);
        product.Output[0] = shifted;
        node.OpType = "Mul";
        node.Input.Clear();
        node.Input.AddRange([shifted, multiplier]);
        return true;
    }

    private static IEnumerable<long> Ones(int rank) => Enumerable.Repeat(1L, rank);
}
