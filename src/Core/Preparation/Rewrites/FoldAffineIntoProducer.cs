using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Preparation.Rewrites;

/// <summary>Conv, ConvTranspose, Gemm or MatMul, followed by a constant Mul, Add, ... or BatchNormalization: the weights take it in.</summary>
internal sealed class FoldAffineIntoProducer : IGraphRewrite
{
    public string Name => "fold-affine-into-producer";

    public bool TryApply(Graph graph, NodeProto node)
    {
        if (ConstantAffine.Of(graph, node) is not { } affine || graph.Producer(affine.Input) is not { } producer
            || !graph.HasSingleReader(affine.Input, out _) || LinearLayer.Of(graph, producer) is not { } layer)
            return false;
        if (!Fits(affine, layer) || (affine.Shift is not null && !layer.HasBias))
            return false;

        if (affine.Scale is { } scale)
            layer.ScaleOutputs(channel => ConstantAffine.At(scale, channel, 1));
        if (affine.Shift is { } shift)
            layer.ShiftOutputs(channel => ConstantAffine.At(shift, channel, 0));
        layer.Store(graph);
        producer.ReplaceOutput(affine.Input, affine.Output);
        graph.RemoveNode(node);
        return true;
    }

    private static bool Fits(ConstantAffine affine, LinearLayer layer) =>
        affine.ConstantRank <= layer.OutputRank
        && (affine.IsScalar || (affine.AxisFromEnd == layer.OutputAxisFromEnd && Channels(affine) == layer.OutputChannels));

    private static int Channels(ConstantAffine affine) => (affine.Scale ?? affine.Shift)!.Length;
}
