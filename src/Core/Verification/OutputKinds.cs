using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Verification;

/// <summary>Finds out from the graph what an output's numbers mean.</summary>
public static class OutputKinds
{
    private static readonly HashSet<string> PassThrough =
        ["Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Cast", "QuantizeLinear", "DequantizeLinear"];

    /// <summary>The kind of every graph output, looking back through ops that only move values.</summary>
    public static IReadOnlyDictionary<string, OutputKind> Of(OnnxModel model) =>
        model.Graph.Proto.Output.ToDictionary(o => o.Name, o => KindOf(model.Graph, o.Name));

    private static OutputKind KindOf(Graph graph, string tensor)
    {
        while (graph.Producer(tensor) is NodeProto node)
        {
            if (node.IsStandard("Softmax"))
                return OutputKind.Probabilities;
            if (node.IsStandard("LogSoftmax"))
                return OutputKind.LogProbabilities;
            if (!PassThrough.Contains(node.OpType) || node.Input.Count == 0)
                break;
            tensor = node.Input[0];
        }

        return OutputKind.Values;
    }
}
