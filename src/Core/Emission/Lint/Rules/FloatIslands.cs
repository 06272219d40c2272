using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Emission.Lint.Rules;

/// <summary>A float node between integers: pays a conversion in and one out.</summary>
internal sealed class FloatIslands : ILintRule
{
    public string Name => "float-island";

    public IEnumerable<LintFinding> Check(LintContext context)
    {
        foreach ((NodeProto node, NodeVerdict verdict) in context.Verdicts)
        {
            if (context.IsInteger(node) || verdict.Actual is null && verdict.Predicted.Kind == KernelKind.Integer)
                continue;
            bool fed = node.Input.Any(i => context.Quantized.DirectDequantizer(i) is { } d && context.Quantized.Constant(d.Node.Input[0]) is null);
            bool quantized = node.Output.Any(o => context.Graph.Consumers(o).Any(QuantizedGraph.IsQuantize));
            // UnsharedParameters speaks of operators that only move values.
            bool told = verdict.Reason.StartsWith("its input and output have different", StringComparison.Ordinal);
            if (fed && quantized && !told && !(verdict.IsCompute && context.Quantized.Dequantizer(node.Input[1]) is not null))
            {
                yield return new LintFinding(
                    Name, LintSeverity.Warning, verdict.Node, $"{node.OpType} computes in float between a DequantizeLinear and a QuantizeLinear and rounds for nothing: {verdict.Reason}.",
                    "Leave its input or output float, unless the neighbours need the QuantizeLinear to fuse.");
            }
        }
    }
}
