using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Emission;

/// <summary>
/// A float Conv, ConvTranspose or Gemm that reads a dequantized tensor with a scalar scale and is followed by a
/// QuantizeLinear gets its weight quantized per tensor by ONNX Runtime's WeightBiasQuantization, silently. Nodes that
/// only move values in between do not help: ONNX Runtime moves the DequantizeLinear across. Read with one (equal) scale a
/// channel, the same values are left alone; and so are those of a single channel, or of channels that cannot be counted,
/// behind a Clip that clips nothing.
/// </summary>
/// <param name="graph">Of the float model.</param>
/// <param name="runsOnIntegers">Whether the plan has the node on integers.</param>
internal sealed class PerChannelReads(Graph graph, Func<NodeProto, bool> runsOnIntegers)
{
    /// <summary>
    /// Along which axis, and over how many channels, a node must read a dequantized tensor: behind a Clip where that is fewer
    /// than two. Null for as it likes.
    /// </summary>
    public (int Axis, int Channels)? Of(NodeProto node, string tensor)
    {
        if (!LeadsToIsland(node))
            return null;
        int channels = (int)(IsWeighted(node) ? Taken(node) : Made(tensor));
        return (node.IntAttribute("transA", 0) == 0 ? 1 : 0, channels);
    }

    private bool LeadsToIsland(NodeProto node)
    {
        if (node.Output.Count == 0 || runsOnIntegers(node))
            return false;
        return (IsWeighted(node) && Taken(node) > 0) || (Moves(node) && graph.Consumers(node.Output[0]).Any(r => r.Input.IndexOf(node.Output[0]) == 0 && LeadsToIsland(r)));
    }

    private static bool IsWeighted(NodeProto node) => node.IsStandard("Conv") || node.IsStandard("ConvTranspose") || node.IsStandard("Gemm");

    private static bool Moves(NodeProto node) => (node.Domain is "" or "ai.onnx") && node.OpType is
        "MaxPool" or "Reshape" or "Transpose" or "Squeeze" or "Unsqueeze" or "Slice";

    /// <summary>The input channels of a node's constant weight; 0 where it is computed, which the optimizer leaves alone.</summary>
    private long Taken(NodeProto node)
    {
        if (graph.Initializer(node.Input[1]) is not { } weight)
            return 0;
        return node.OpType switch
        {
            "Conv" => weight.Dims[1] * node.IntAttribute("group", 1),
            "ConvTranspose" => weight.Dims[0],
            _ => weight.Dims[node.IntAttribute("transB", 0) == 0 ? 0 : 1],
        };
    }

    /// <summary>The channels (axis 1) of a tensor that integer kernels made; 0 where the graph does not tell.</summary>
    private long Made(string tensor)
    {
        if (graph.Producer(tensor) is not { } node || node.Domain is not ("" or "ai.onnx"))
            return 0;
        switch (node.OpType)
        {
            case "Conv":
                return graph.Initializer(node.Input[1])?.Dims[0] ?? 0;
            case "Gemm":
                return graph.Initializer(node.Input[1])?.Dims[node.IntAttribute("transB", 0) == 0 ? 1 : 0] ?? 0;
            case "Relu" or "Clip" or "MaxPool" or "AveragePool" or "GlobalAveragePool":
                return Made(node.Input[0]);
            case "Add":
                return Made(node.Input[0]) is var channels && channels == Made(node.Input[1]) ? channels : 0;
            case "Concat" when node.IntAttribute("axis", 0) == 1:
                long[] parts = [.. node.Input.Select(Made)];
                return parts.Contains(0) ? 0 : parts.Sum();
            default:
                return 0;
        }
    }
}
