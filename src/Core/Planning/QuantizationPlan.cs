using QuantCluster.Numerics;

namespace QuantCluster.Planning;

/// <summary>
/// A compute node with constant weights that will run on integers, with the activation that is fused into it.
/// </summary>
/// <param name="Id">The compute node's output tensor: unique in a graph where node names need not be.</param>
/// <param name="Node">The node's name, for people.</param>
/// <param name="OpType">Conv, Gemm or MatMul.</param>
/// <param name="Input">The tensor it reads; always a quantization point.</param>
/// <param name="Weight">Its weight initializer.</param>
/// <param name="WeightAxis">The weight's output-channel axis.</param>
/// <param name="Bias">Its bias initializer: a third input, or the constant an Add puts on a MatMul; null for none.</param>
/// <param name="Result">The tensor after bias and fused activation.</param>
/// <param name="Activation">Relu or Clip, fused into the integer kernel; null for none.</param>
/// <param name="QuantizedResult">Whether the kernel writes integers; a MatMul or Gemm may write floats at no cost, unless a Relu or Clip follows.</param>
/// <param name="MultiplyAccumulates">Of one sample.</param>
/// <param name="Parameters">Elements of the weight.</param>
public sealed record Layer(
    string Id,
    string Node,
    string OpType,
    string Input,
    string Weight,
    int WeightAxis,
    string? Bias,
    string Result,
    string? Activation,
    bool QuantizedResult,
    long MultiplyAccumulates,
    long Parameters)
{
    /// <summary>Dimensions of what it computes.</summary>
    public int ResultRank { get; init; }
}

/// <summary>A tensor that gets a QuantizeLinear and a DequantizeLinear.</summary>
/// <param name="Tensor">Name in the prepared model.</param>
/// <param name="Group">Points of one group share scale and zero point: the two sides of a Reshape, MaxPool, ...</param>
/// <param name="FromIntegerKernel">
/// The producer writes integers, so every reader takes the dequantized tensor. Otherwise the floats exist anyway,
/// and nodes that stay float read those.
/// </param>
/// <param name="MayClip">Whether a range inside min and max is allowed.</param>
/// <param name="Effective">
/// Values outside give their readers the same as the nearest end (HardSwish below −3): clipping there is free.
/// </param>
public sealed record QuantizationPoint(string Tensor, string Group, bool FromIntegerKernel, bool MayClip, RealRange? Effective);

/// <summary>A node that could be meant to be quantized and is not.</summary>
public sealed record FloatLayer(string Id, string Node, string OpType, string Reason);

/// <summary>What runs on integers, where tensors are quantized, and what stays float and why. In graph order.</summary>
/// <param name="IntegerNodes">Outputs of further nodes (Add, MaxPool, Concat, Reshape, ...) that run on integers between points.</param>
public sealed record QuantizationPlan(
    IReadOnlyList<Layer> Layers,
    IReadOnlyList<QuantizationPoint> Points,
    IReadOnlyList<string> IntegerNodes,
    IReadOnlyList<FloatLayer> FloatLayers);

/// <summary>What the planner may do.</summary>
public sealed record PlanSettings
{
    public static PlanSettings Default { get; } = new();

    /// <summary>Ids of layers that must stay float.</summary>
    public IReadOnlySet<string> KeepFloat { get; init; } = new HashSet<string>();

    /// <summary>
    /// A convolution with a smaller share of the model's multiply-accumulates than this stays float when its
    /// output has no spatial extent: it cannot repay the conversions at its borders.
    /// </summary>
    public double SmallestShare { get; init; } = 0.001;
}
