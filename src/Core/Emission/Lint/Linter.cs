using QuantCluster.Emission.Lint.Rules;
using QuantCluster.Inference;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Emission.Lint;

/// <summary>Reads a QDQ model and says what ONNX Runtime's CPU provider will make of it, and what to beware of.</summary>
public static class Linter
{
    private static readonly IReadOnlyList<ILintRule> Rules =
    [
        new WeightBiasTrap(),
        new BiasScale(),
        new FloatCompute(),
        new UnsharedParameters(),
        new SlowTypes(),
        new FloatIslands(),
        new StrandedPool(),
        new Requantization(),
    ];

    /// <param name="model">Any ONNX model; one without Quantize/DequantizeLinear gives an empty report.</param>
    /// <param name="verify">Whether to have ONNX Runtime optimize the model and confront its graph with the predictions.</param>
    public static LintReport Lint(OnnxModel model, bool verify = true)
    {
        QuantizedGraph graph = new(model);
        OptimizedGraph? optimized = null;
        string? notVerified = verify ? null : "not asked for";
        try
        {
            optimized = verify ? OptimizedGraph.Make(model) : null;
        }
        catch (QuantException e)
        {
            notVerified = e.Message;
        }

        KernelPrediction prediction = new(graph);
        List<NodeVerdict> verdicts = [];
        Dictionary<NodeProto, NodeVerdict> byNode = new(ReferenceEqualityComparer.Instance);
        for (int i = 0; i < graph.Graph.Nodes.Count; i++)
        {
            NodeProto node = graph.Graph.Nodes[i];
            bool compute = node.OpType is "Conv" or "ConvTranspose" or "MatMul" or "Gemm";
            if (!compute && !TouchesQuantization(graph, node))
                continue;
            (Kernel kernel, string reason) = prediction.Predict(node);
            NodeVerdict verdict = new(QuantizedGraph.NameOf(node), node.OpType, compute, kernel, reason) { Actual = optimized?.KernelOf(i) };
            verdicts.Add(verdict);
            byNode[node] = verdict;
        }

        LintContext context = new(graph, byNode);
        return new LintReport(
            verdicts,
            [.. Rules.SelectMany(r => r.Check(context)).OrderByDescending(f => f.Severity)],
            optimized is null ? null : ModelSession.RuntimeVersion,
            notVerified)
        {
            QuantizesLeft = optimized?.Quantizes,
            DequantizesLeft = optimized?.Dequantizes,
        };
    }

    private static bool TouchesQuantization(QuantizedGraph graph, NodeProto node) =>
        node.OpType != "Constant" && !QuantizedGraph.IsQuantize(node) && !QuantizedGraph.IsDequantize(node)
        && (node.Input.Any(i => graph.DirectDequantizer(i) is not null)
            || node.Output.Any(o => graph.Graph.Consumers(o).Any(QuantizedGraph.IsQuantize)));
}
