using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Planning;

/// <summary>What the planner asks of a graph, as ONNX Runtime's fusions see it.</summary>
internal static class GraphReading
{
    /// <summary>The tensor after the Relu or Clip that an integer kernel swallows: it must be the only reader.</summary>
    public static string Fused(this Graph graph, string tensor, out string? activation)
    {
        activation = null;
        if (graph.SoleReader(tensor) is not { } reader)
            return tensor;
        bool swallowed = reader.IsStandard("Relu")
            || (reader.IsStandard("Clip") && graph.ConstantScalar(reader.InputOrNull(1)) is 0f && graph.ConstantScalar(reader.InputOrNull(2)) is > 0f);
        if (!swallowed)
            return tensor;
        activation = reader.OpType;
        return reader.Output[0];
    }

    public static float? ConstantScalar(this Graph graph, string? name) =>
        name is not null && graph.Initializer(name) is { } t && t.ElementCount() == 1 && t.ElementType() == ElementType.Float ? t.ToFloats()[0] : null;

    public static NodeProto? SoleReader(this Graph graph, string tensor) =>
        !graph.IsOutput(tensor) && !graph.IsUsedInSubgraph(tensor) && graph.Consumers(tensor) is [var only] ? only : null;

    /// <summary>Whether the node only moves values, or pads with zeros: both sides can share parameters.</summary>
    public static bool PassesThrough(this Graph graph, NodeProto node) => OperatorFacts.IsPassThrough(node)
        || (OperatorFacts.IsZeroPad(node) && (node.InputOrNull(2) is not { } value || graph.ConstantScalar(value) is 0f));

    /// <summary>The tensor that would be quantized behind the node.</summary>
    public static string ResultOf(this Graph graph, NodeProto node) => graph.PassesThrough(node) ? node.Output[0] : graph.Fused(node.Output[0], out _);
}
