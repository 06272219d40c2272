using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Preparation.Rewrites;

/// <summary>
/// A constant Mul, Add, ... or BatchNormalization whose readers are all Conv, Gemm or MatMul: their weights take it in.
/// A shift passes into a Conv only where the Conv does not pad, for the padding is not shifted.
/// </summary>
internal sealed class FoldAffineIntoConsumers : IGraphRewrite
{
    public string Name => "fold-affine-into-consumers";

    public bool TryApply(Graph graph, NodeProto node)
    {
        if (ConstantAffine.Of(graph, node) is not { } affine || graph.IsOutput(affine.Output)
            || graph.IsUsedInSubgraph(affine.Output) || RuntimePatterns.EndsWith(graph, node))
            return false;
        List<(NodeProto Node, LinearLayer? Layer)> readers = [.. graph.Consumers(affine.Output).Select(n => (n, LinearLayer.Of(graph, n)))];
        if (!readers.Any(r => r.Layer is not null) || !readers.All(r => Allows(graph, affine, r.Node, r.Layer)))
            return false;

        foreach ((NodeProto reader, LinearLayer? layer) in readers)
        {
            if (layer is not null)
            {
                // The shift goes through the weights as they are; only then are these scaled.
                if (affine.Shift is { } shift)
                    layer.ShiftInputs(channel => ConstantAffine.At(shift, channel, 0));
                if (affine.Scale is { } scale)
                    layer.ScaleInputs(channel => ConstantAffine.At(scale, channel, 1));
                layer.Store(graph);
                graph.Reindex();
            }

            reader.ReplaceInput(affine.Output, affine.Input);
        }

        graph.RemoveNode(node);
        return true;
    }

    private static bool Allows(Graph graph, ConstantAffine affine, NodeProto reader, LinearLayer? layer)
    {
        // The constant must not be what gives the tensor its shape.
        if (affine.ConstantRank > 1 && !(affine.ConstantRank <= graph.Rank(affine.Input)))
            return false;
        long[]? shape = graph.Dimensions(affine.Input);
        int channels = (affine.Scale ?? affine.Shift)!.Length;
        if (!affine.IsScalar && shape is not null && shape[^(affine.AxisFromEnd + 1)] is var size and >= 0 && size != channels)
            return false;

        if (layer is null)
            return reader.IsStandard("Shape") && (affine.IsScalar || shape is not null);
        if (reader.Input[0] != affine.Output || reader.Input.Count(i => i == affine.Output) != 1
            || (affine.Shift is not null && !layer.TakesInputShift))
            return false;
        return affine.IsScalar || (affine.AxisFromEnd == layer.InputAxisFromEnd && channels == layer.InputChannels);
    }
}
