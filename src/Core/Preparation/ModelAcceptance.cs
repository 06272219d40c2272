using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Preparation;

/// <summary>Refuses, before any work, models that cannot be quantized.</summary>
public static class ModelAcceptance
{
    private static readonly HashSet<string> KnownDomains =
        ["", "ai.onnx", "ai.onnx.ml", "ai.onnx.preview", "com.microsoft", "com.microsoft.nchwc", "com.ms.internal.nhwc"];

    private static readonly HashSet<string> Quantized =
    [
        "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "ConvInteger", "MatMulInteger", "QLinearConv", "QLinearMatMul",
        "QGemm", "QAttention", "QEmbedLayerNormalization", "QOrderedMatMul", "MatMulNBits", "MatMulBnb4", "DynamicQuantizeMatMul",
        "DynamicQuantizeLSTM", "MatMulIntegerToFloat",
    ];

    /// <exception cref="QuantException">An operator of an unknown domain, or one that only quantized models have.</exception>
    public static void Check(OnnxModel model)
    {
        HashSet<string> domains = [.. KnownDomains, .. model.Proto.Functions.Select(f => f.Domain)];
        foreach (NodeProto node in Nodes(model.Proto.Graph).Concat(model.Proto.Functions.SelectMany(f => f.Node).SelectMany(Nodes)))
        {
            string name = node.Name.Length > 0 ? node.Name : node.Output.FirstOrDefault() ?? "";
            if (!domains.Contains(node.Domain))
            {
                throw new QuantException(ExitCode.BadModel,
                    $"node {name} ({node.OpType}): ONNX Runtime has no operators of the domain '{node.Domain}'. Export the model without custom operators.");
            }

            if (Quantized.Contains(node.OpType) || node.OpType.StartsWith("QLinear", StringComparison.Ordinal))
            {
                throw new QuantException(ExitCode.BadModel,
                    $"node {name} ({node.OpType}): the model is quantized already. Start from the float model it was made of.");
            }
        }
    }

    private static IEnumerable<NodeProto> Nodes(GraphProto graph) => graph.Node.SelectMany(Nodes);

    private static IEnumerable<NodeProto> Nodes(NodeProto node) => node.Attribute
        .SelectMany(a => a.G is null ? a.Graphs : a.Graphs.Prepend(a.G)).SelectMany(Nodes).Prepend(node);
}
