using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Emission.Lint.Rules;

/// <summary>One thing that goes wrong in QDQ models.</summary>
internal interface ILintRule
{
    /// <summary>As reports name it.</summary>
    string Name { get; }

    IEnumerable<LintFinding> Check(LintContext context);
}

/// <summary>What rules look at.</summary>
/// <param name="Quantized">The model's graph.</param>
/// <param name="Verdicts">What becomes of its nodes.</param>
internal sealed record LintContext(QuantizedGraph Quantized, IReadOnlyDictionary<NodeProto, NodeVerdict> Verdicts)
{
    public Graph Graph => Quantized.Graph;

    /// <summary>Whether the node runs on integers: ONNX Runtime's word where there is one, else the prediction.</summary>
    public bool IsInteger(NodeProto node) =>
        Verdicts.TryGetValue(node, out NodeVerdict? verdict) && (verdict.Actual ?? verdict.Predicted).Kind == KernelKind.Integer;
}
