using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Emission.Lint.Rules;

/// <summary>A layer left float on purpose whose weight ONNX Runtime quantizes nevertheless.</summary>
internal sealed class WeightBiasTrap : ILintRule
{
    public string Name => "weight-bias-quantization";

    public IEnumerable<LintFinding> Check(LintContext context)
    {
        foreach (NodeProto node in context.Graph.Nodes)
        {
            if (WeightBiasQuantization.QuantizesWeight(context.Quantized, node))
            {
                yield return new LintFinding(
                    Name, LintSeverity.Trap, QuantizedGraph.NameOf(node),
                    $"ONNX Runtime will quantize the float weight {node.Input[1]} to INT8 per tensor, silently, because the {node.OpType} stands between a DequantizeLinear and a QuantizeLinear.",
                    "Quantize the weight per channel in the model, or take the DequantizeLinear from its input or the QuantizeLinear from its output.");
            }
        }
    }
}
