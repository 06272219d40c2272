using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Emission.Lint.Rules;

/// <summary>A compute layer whose weight is stored as integers, yet runs in float: slower than before it was quantized.</summary>
internal sealed class FloatCompute : ILintRule
{
    public string Name => "float-compute";

    public IEnumerable<LintFinding> Check(LintContext context)
    {
        foreach ((NodeProto node, NodeVerdict verdict) in context.Verdicts)
        {
            if (!verdict.IsCompute || context.IsInteger(node) || context.Quantized.Dequantizer(node.Input[1]) is null)
                continue;
            yield return new LintFinding(
                Name, LintSeverity.Trap, verdict.Node, $"This {node.OpType} has integer weights but computes in float: {Reason(verdict)}.",
                Advice(node, verdict));
        }
    }

    private static string Reason(NodeVerdict verdict) => verdict.Reason.Length > 0 ? verdict.Reason : "ONNX Runtime did not fuse it";

    private static string Advice(NodeProto node, NodeVerdict verdict) => verdict.Reason switch
    {
        var r when r.Contains("cuts inside", StringComparison.Ordinal) => "Give the activation's QuantizeLinear a zero point at the type's minimum and a range within the activation's.",
        var r when r.Contains("output", StringComparison.Ordinal) && node.OpType == "Conv" => "Put one QuantizeLinear of the input's type behind it as the only consumer.",
        var r when r.Contains("bias", StringComparison.Ordinal) => "Store the bias as INT32 with scale s_x·s_w and zero point 0.",
        _ => "Quantize all its inputs and its output with 8-bit types, or leave its weight float.",
    };
}
