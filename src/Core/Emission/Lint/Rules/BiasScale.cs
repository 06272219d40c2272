using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Emission.Lint.Rules;

/// <summary>
/// A bias whose scale is not s_x·s_w. ONNX Runtime checks it for Conv (to 1 %, microsoft/onnxruntime#28229) and then stays float; older versions,
/// and Gemm, take the integers as they are and the bias is silently wrong.
/// </summary>
internal sealed class BiasScale : ILintRule
{
    private const double Rounding = 1e-6;

    public string Name => "bias-scale";

    public IEnumerable<LintFinding> Check(LintContext context)
    {
        QuantizedGraph graph = context.Quantized;
        foreach (NodeProto node in context.Graph.Nodes.Where(n => n.OpType is "Conv" or "Gemm" or "ConvTranspose"))
        {
            if (graph.DirectDequantizer(node.InputOrNull(2)) is not { StoredType: ElementType.Int32 } bias)
                continue;
            if (bias.ZeroPoints is { } zeros && zeros.Any(z => z != 0))
            {
                yield return new LintFinding(
                    Name, LintSeverity.Trap, QuantizedGraph.NameOf(node), $"The bias has the zero point {zeros.First(z => z != 0)}; integer kernels take 0.",
                    "Store the bias with zero point 0.");
            }

            if (BiasSteps.FirstWrong(graph, node, Rounding) is { } wrong)
            {
                string consequence = context.IsInteger(node)
                    ? $"the integer kernel reads it {wrong.Expected / wrong.Actual:G6} times as large as the model says"
                    : "ONNX Runtime leaves the layer float, and older versions of it read the bias wrongly instead";
                yield return new LintFinding(
                    Name, wrong.RelativeError < 1e-3 ? LintSeverity.Warning : LintSeverity.Trap, QuantizedGraph.NameOf(node),
                    $"The bias's scale {wrong.Actual:R} (channel {wrong.Channel}) is not s_x·s_w = {wrong.Expected:R}: {consequence}.",
                    "Requantize the bias with the float32 product of the two scales.");
            }
        }
    }
}
