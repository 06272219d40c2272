namespace QuantCluster.Emission.Lint;

/// <summary>How much a finding matters.</summary>
public enum LintSeverity
{
    /// <summary>Worth knowing.</summary>
    Info,

    /// <summary>Costs speed.</summary>
    Warning,

    /// <summary>Changes the numbers silently, or undoes the quantization of a compute layer.</summary>
    Trap,
}

/// <summary>What a node computes in.</summary>
public enum KernelKind
{
    Float,
    Integer,
}

/// <summary>A kernel ONNX Runtime runs a node with.</summary>
/// <param name="Kind">Integer arithmetic (or integers moved as they are), or float.</param>
/// <param name="Operator">The operator of ONNX Runtime's graph, e.g. <c>QLinearConv</c>.</param>
public readonly record struct Kernel(KernelKind Kind, string Operator)
{
    public static Kernel Float(string opType) => new(KernelKind.Float, opType);

    public static Kernel Integer(string opType) => new(KernelKind.Integer, opType);
}

/// <summary>What becomes of one node of the model.</summary>
/// <param name="Node">Its name in the model; its first output where it has none.</param>
/// <param name="OpType">Its operator.</param>
/// <param name="IsCompute">Whether it is a Conv, ConvTranspose, MatMul or Gemm, where time goes.</param>
/// <param name="Predicted">What the rules of ONNX Runtime's QDQ optimizer make of it.</param>
/// <param name="Reason">Why it stays float; empty for integer kernels.</param>
public sealed record NodeVerdict(string Node, string OpType, bool IsCompute, Kernel Predicted, string Reason)
{
    /// <summary>What stands in ONNX Runtime's own optimized graph; null where the graph was not made or the node was merged into another.</summary>
    public Kernel? Actual { get; init; }

    /// <summary>Whether prediction and truth say the same kind; true where the truth is not known.</summary>
    public bool Agrees => Actual is not { } actual || actual.Kind == Predicted.Kind;
}

/// <summary>One thing a person should know.</summary>
/// <param name="Rule">The rule's name, e.g. <c>bias-scale</c>.</param>
/// <param name="Severity">How much it matters.</param>
/// <param name="Node">The node it is about.</param>
/// <param name="Message">What is wrong there.</param>
/// <param name="Advice">What to do about it.</param>
public sealed record LintFinding(string Rule, LintSeverity Severity, string Node, string Message, string Advice);

/// <summary>What ONNX Runtime's CPU provider makes of a QDQ model.</summary>
/// <param name="Nodes">Compute nodes, and nodes that touch a Quantize/DequantizeLinear, in graph order.</param>
/// <param name="Findings">By severity, then graph order.</param>
/// <param name="RuntimeVersion">The ONNX Runtime whose graph was read; null if it was not asked.</param>
/// <param name="NotVerified">Why there is no truth beside the predictions; null if there is.</param>
public sealed record LintReport(
    IReadOnlyList<NodeVerdict> Nodes, IReadOnlyList<LintFinding> Findings, string? RuntimeVersion, string? NotVerified)
{
    /// <summary>QuantizeLinear nodes left in ONNX Runtime's graph: conversions that each run pays.</summary>
    public int? QuantizesLeft { get; init; }

    /// <summary>DequantizeLinear nodes left in ONNX Runtime's graph.</summary>
    public int? DequantizesLeft { get; init; }

    public bool HasTraps => Findings.Any(f => f.Severity == LintSeverity.Trap);
}
