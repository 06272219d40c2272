using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Emission.Lint.Rules;

/// <summary>A value that is quantized twice with nothing in between, or twice side by side.</summary>
internal sealed class Requantization : ILintRule
{
    public string Name => "requantization";

    public IEnumerable<LintFinding> Check(LintContext context)
    {
        foreach (NodeProto node in context.Graph.Nodes)
        {
            if (QuantizedGraph.IsQuantize(node) && context.Quantized.DirectDequantizer(node.Input[0]) is { } before)
            {
                bool same = before.SameParameters(context.Quantized.Quantization(node));
                yield return new LintFinding(
                    Name, same ? LintSeverity.Info : LintSeverity.Warning, QuantizedGraph.NameOf(node),
                    same ? "A value is dequantized and quantized again with the same parameters." : "A Q-DQ-Q chain: a value is dequantized and quantized again with other parameters, which rounds twice, or makes ONNX Runtime merge the two with parameters of its own.",
                    "Quantize once, with one scale and zero point.");
            }
        }

        foreach (string tensor in context.Graph.Nodes.SelectMany(n => n.Output).Concat(context.Graph.RequiredInputs.Select(i => i.Name)))
        {
            NodeProto[] quantizers = [.. context.Graph.Consumers(tensor).Where(QuantizedGraph.IsQuantize)];
            if (quantizers.Skip(1).Any(q => !context.Quantized.Quantization(q).SameParameters(context.Quantized.Quantization(quantizers[0]))))
            {
                yield return new LintFinding(
                    Name, LintSeverity.Warning, QuantizedGraph.NameOf(quantizers[0]),
                    $"The tensor {tensor} is quantized {quantizers.Length} times with different parameters: its producer cannot fuse, and each conversion is paid.",
                    "Let all consumers share one QuantizeLinear.");
            }
        }
    }
}
