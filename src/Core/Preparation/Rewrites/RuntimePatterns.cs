using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Preparation.Rewrites;

/// <summary>Last nodes of patterns that ONNX Runtime fuses into one kernel when it loads a model: taking them away costs speed.</summary>
internal static class RuntimePatterns
{
    /// <summary>Whether the constant factor ends a decomposed LayerNormalization, RMS normalisation or Gelu.</summary>
    public static bool EndsWith(Graph graph, NodeProto factor) =>
        factor.IsStandard("Mul") && factor.Input.Any(i => graph.Producer(i) is { } before && (IsNormalised(graph, before) || IsGelu(graph, before)));

    /// <summary>x / sqrt(variance + epsilon), or x · (1 / sqrt(...)).</summary>
    private static bool IsNormalised(Graph graph, NodeProto node) =>
        (node.IsStandard("Div") && IsRoot(graph.Producer(node.Input[1])))
        || (node.IsStandard("Mul") && node.Input.Any(i => graph.Producer(i) is { } p && p.IsStandard("Reciprocal") && IsRoot(graph.Producer(p.Input[0]))));

    /// <summary>x · (erf(x / √2) + 1).</summary>
    private static bool IsGelu(Graph graph, NodeProto node) => node.IsStandard("Mul") && node.Input.Any(i =>
        graph.Producer(i) is { } sum && sum.IsStandard("Add") && sum.Input.Any(j => graph.Producer(j)?.IsStandard("Erf") == true));

    private static bool IsRoot(NodeProto? node) => node is not null && node.IsStandard("Sqrt");
}
