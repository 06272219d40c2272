using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Emission.Lint.Rules;

/// <summary>
/// A MaxPool between a float convolution and integers: ONNX Runtime moves the QuantizeLinear in front of it, and pools 8-bit
/// integers in the floats' layout, for which it has no fast kernel. It doubles SqueezeNet's time.
/// </summary>
internal sealed class StrandedPool : ILintRule
{
    public string Name => "stranded-pool";

    public IEnumerable<LintFinding> Check(LintContext context)
    {
        foreach (NodeProto pool in context.Graph.Nodes.Where(n => n.IsStandard("MaxPool") && IsOnlyQuantized(context.Graph, n.Output[0])))
        {
            NodeProto? source = context.Graph.Producer(pool.Input[0]);
            if (source is { OpType: "Relu" or "Clip" or "LeakyRelu" })
                source = context.Graph.Producer(source.Input[0]);
            if (source is null || !source.IsStandard("Conv") || context.IsInteger(source))
                continue;
            yield return new LintFinding(
                Name, LintSeverity.Warning, QuantizedGraph.NameOf(pool),
                $"MaxPool stands between {QuantizedGraph.NameOf(source)}, which computes in float, and integers: ONNX Runtime quantizes in front of it and pools integers in the floats' layout, slowly.",
                "Put the convolution before it on integers, or leave what reads it float too.");
        }
    }

    private static bool IsOnlyQuantized(Graph graph, string tensor) =>
        !graph.IsOutput(tensor) && graph.Consumers(tensor) is { Count: > 0 } readers && readers.All(QuantizedGraph.IsQuantize);
}
