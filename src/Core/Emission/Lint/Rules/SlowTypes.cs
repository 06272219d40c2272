using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Emission.Lint.Rules;

/// <summary>Pairs of types for which x64 has no fast kernel.</summary>
internal sealed class SlowTypes : ILintRule
{
    public string Name => "slow-types";

    public IEnumerable<LintFinding> Check(LintContext context)
    {
        foreach ((NodeProto node, NodeVerdict verdict) in context.Verdicts)
        {
            if (!verdict.IsCompute || context.Quantized.Dequantizer(node.Input[0]) is not { } x || context.Quantized.Dequantizer(node.Input[1]) is not { } w)
                continue;
            bool constant = context.Quantized.Constant(w.Node.Input[0]) is not null;
            if (x.StoredType == ElementType.UInt8 && w.StoredType == ElementType.UInt8 && constant)
            {
                yield return new LintFinding(
                    Name, LintSeverity.Warning, verdict.Node, "UINT8 activations with UINT8 weights: x64's dot-product instructions take one signed side; this is slower, often slower than float.",
                    "Store the weight as INT8, symmetric.");
            }
            else if (x.StoredType == ElementType.Int8)
            {
                yield return new LintFinding(
                    Name, LintSeverity.Warning, verdict.Node, "INT8 activations: on x64 ONNX Runtime first has to turn them into UINT8, and does so only where one node reads the value.",
                    "Use UINT8 activations with INT8 weights; INT8 activations suit ARM64.");
            }
        }
    }
}
