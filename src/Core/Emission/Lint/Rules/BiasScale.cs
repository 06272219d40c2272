using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Emission.Lint.Rules;

/// <summary>Integer kernels take the bias as steps of s_x·s_w whatever scale its DequantizeLinear says.</summary>
internal sealed class BiasScale : ILintRule
{
    public string Name => "bias-scale";

    public IEnumerable<LintFinding> Check(LintContext context)
    {
        QuantizedGraph graph = context.Quantized;
        foreach (NodeProto node in context.Graph.Nodes.Where(n => n.OpType is "Conv" or "Gemm" or "ConvTranspose"))
        {
            if (graph.Dequantizer(node.Input[0]) is not { Scales: [var x] } || graph.Dequantizer(node.Input[1]) is not { Scales: { } w }
                || graph.DirectDequantizer(node.InputOrNull(2)) is not { Scales: { } b, Type: ElementType.Int32 } bias)
                continue;
            if (bias.ZeroPoints is { } zeros && zeros.Any(z => z != 0))
            {
                yield return new LintFinding(
                    Name, LintSeverity.Trap, QuantizedGraph.NameOf(node), $"The bias has the zero point {zeros.First(z => z != 0)}; integer kernels take 0.",
                    "Store the bias with zero point 0.");
            }

            for (int i = 0; i < Math.Max(b.Length, w.Length); i++)
            {
                float expected = x * w[Math.Min(i, w.Length - 1)], actual = b[Math.Min(i, b.Length - 1)];
                if (expected == actual)
                    continue;
                double error = Math.Abs(((double)actual / expected) - 1);
                yield return new LintFinding(
                    Name, error < 1e-5 ? LintSeverity.Warning : LintSeverity.Trap, QuantizedGraph.NameOf(node),
                    $"The bias's scale {actual:R} (channel {i}) is not s_x·s_w = {x:R}·{w[Math.Min(i, w.Length - 1)]:R} = {expected:R}: an integer kernel reads the bias {actual / expected:G3} times as large as the model says.",
                    "Requantize the bias with the float32 product of the two scales.");
                break;
            }
        }
    }
}
