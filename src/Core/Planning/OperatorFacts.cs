using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Planning;

/// <summary>
/// What ONNX Runtime's CPU provider does with an operator between DequantizeLinear and QuantizeLinear
/// (its selectors are in <c>core/optimizer/qdq_transformer/selectors_actions</c>).
/// </summary>
internal static class OperatorFacts
{
    /// <summary>Only moves values: dropped between Q and DQ when both sides share scale and zero point.</summary>
    public static bool IsPassThrough(NodeProto node) => (node.Domain is "" or "ai.onnx") && node.OpType is
        "Reshape" or "Transpose" or "Squeeze" or "Unsqueeze" or "Flatten" or "Slice" or "MaxPool" or "Identity"
        && node.Output.Count(o => o.Length > 0) == 1;

    /// <summary>Reads and writes integers with parameters of its own on every side.</summary>
    public static bool HasIntegerKernel(NodeProto node) => (node.Domain is "" or "ai.onnx") && node.OpType is
        "Add" or "Concat" or "AveragePool" or "GlobalAveragePool";

    /// <summary>
    /// Moves values and adds at most zeros: its two sides can share parameters. ONNX Runtime does not fuse a Pad, but
    /// it runs on integers as well as on floats.
    /// </summary>
    public static bool PreservesRange(NodeProto node) => IsPassThrough(node) || IsZeroPad(node);

    /// <summary>A Pad with zeros along all its axes.</summary>
    public static bool IsZeroPad(NodeProto node) =>
        node.IsStandard("Pad") && node.StringAttribute("mode", "constant") == "constant" && node.InputOrNull(3) is null;

    /// <summary>Outputs whose range is known and whose ends carry the information.</summary>
    public static bool HasFixedRange(NodeProto node) => (node.Domain is "" or "ai.onnx") && node.OpType is "Softmax" or "Sigmoid" or "HardSigmoid";
}
