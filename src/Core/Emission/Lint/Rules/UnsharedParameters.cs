using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Emission.Lint.Rules;

/// <summary>An operator that only moves values, requantized for no reason.</summary>
internal sealed class UnsharedParameters : ILintRule
{
    public string Name => "unshared-parameters";

    public IEnumerable<LintFinding> Check(LintContext context)
    {
        foreach (NodeProto node in context.Graph.Nodes)
        {
            if (!(context.Quantized.Propagates(node) || node.OpType is "Flatten" or "Gather" or "Expand" or "Tile" or "Resize" or "Split")
                || context.Quantized.DirectDequantizer(node.InputOrNull(0)) is not { } input)
                continue;
            foreach (string output in node.Output)
            {
                if (context.Graph.Consumers(output).FirstOrDefault(QuantizedGraph.IsQuantize) is { } quantize
                    && !context.Quantized.Quantization(quantize).SameParameters(input))
                {
                    yield return new LintFinding(
                        Name, LintSeverity.Warning, QuantizedGraph.NameOf(node),
                        $"{node.OpType} only moves values, but its input and output have different scales or zero points: it runs in float between two conversions and rounds once more.",
                        "Give both sides the same scale and zero point.");
                }
            }
        }
    }
}
