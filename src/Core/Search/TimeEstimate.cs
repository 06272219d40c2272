using QuantCluster.Emission;
using QuantCluster.Inference;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;
using QuantCluster.Planning;

namespace QuantCluster.Search;

/// <summary>
/// What a plan costs in time, about, in microseconds of one thread of the machine its figures were measured on (ONNX
/// Runtime's own profile of the anchors, AVX512-VNNI). It is no measurement on purpose: choices that rest on it are the
/// same on every run. Whoever limits latency measures (<see cref="Sensitivity.KernelTiming"/>).
/// </summary>
public sealed class TimeEstimate(OnnxModel prepared, IReadOnlyDictionary<string, TensorShape> shapes, QuantizationPlan all)
{
    /// <summary>Multiply-accumulates a microsecond of a dense kernel that adds up very many products an output.</summary>
    private const double FloatDense = 55_000, IntegerDense = 200_000;

    /// <summary>Products an output with which a dense kernel reaches half of that.</summary>
    private const double FloatProducts = 12, IntegerProducts = 16;

    /// <summary>Of a depthwise kernel: bound by memory, hardly faster on integers.</summary>
    private const double FloatDepthwise = 17_000, IntegerDepthwise = 18_000;

    /// <summary>Of depthwise kernels on integers with channels that fill no vectors (<see cref="AlignedChannels"/>).</summary>
    private const double UnalignedDepthwise = 7_500;

    /// <summary>Of a convolution that reads too few channels to fill a kernel's vectors, once its patches are laid out.</summary>
    private const double NarrowDense = 61_000;

    /// <summary>Of one on integers that was given a channel more (<see cref="AlignedChannels"/>), and elements of its patches.</summary>
    private const double WidenedDense = 167_000, WidenedPatches = 2_060;

    /// <summary>Elements of such patches a microsecond: what an integer kernel of an image's three channels mostly does.</summary>
    private const double FloatPatches = 1_700, IntegerPatches = 800;

    /// <summary>
    /// Elements a microsecond that a MaxPool looks at which stays between float layers before it and integer ones after it: ONNX
    /// Runtime moves the quantization in front of it, and its 8-bit kernel for that layout is slow.
    /// </summary>
    private const double StrayPool = 600;

    /// <summary>Of a MatMul or Gemm beyond its products: small ones, as transformers have, are mostly that.</summary>
    private const double FloatMatrixStart = 2.5, IntegerMatrixStart = 4;

    /// <summary>Elements a microsecond that an integer MatMul or Gemm turns into floats as it writes them.</summary>
    private const double FloatsWritten = 2_500;

    /// <summary>Of starting any operator that is no layer, nor fused into one.</summary>
    private const double Start = 1.5;

    /// <summary>Elements a microsecond that are quantized, dequantized, or made by an operator that is no layer.</summary>
    private const double Elements = 8_000;

    /// <summary>Of convolutions' tensors at a border: their layout changes too, as integer kernels and float ones have channels elsewhere.</summary>
    private const double Relaid = 1_700;

    /// <summary>
    /// Elements a microsecond of what loses its integer kernel (an Add, a Concat) because one of its inputs is float now:
    /// itself, and the conversions around it, which small models feel most.
    /// </summary>
    private const double Lost = 2_000;

    /// <summary>Dimensions of an image's tensors: batch, channels, height, width.</summary>
    private const int ImageRank = 4;

    /// <summary>Input channels below which a convolution counts as narrow.</summary>
    private const int NarrowChannels = 4;

    /// <summary>Layer id to what quantizing it saves, conversions aside; negative where integers are slower.</summary>
    public IReadOnlyDictionary<string, double> Gains => all.Layers.ToDictionary(l => l.Id, l => Cost(l, integer: false) - Cost(l, integer: true));

    /// <summary>Microseconds of all layers of the whole plan, as the part of it quantizes them, and of the conversions at its borders.</summary>
    public double Of(QuantizationPlan part)
    {
        HashSet<string> quantized = [.. part.Layers.Select(l => l.Id)], integer = [.. quantized, .. part.IntegerNodes];
        double time = Rest + all.Layers.Sum(l => Cost(l, quantized.Contains(l.Id)));
        foreach (string node in all.IntegerNodes.Where(n => !integer.Contains(n)))
            time += shapes.TryGetValue(node, out TensorShape lost) ? lost.ElementCount / Lost : 0;
        foreach (QuantizationPoint point in part.Points)
        {
            bool quantizes = !point.FromIntegerKernel;
            bool dequantizes = point.FromIntegerKernel && prepared.Graph.Consumers(point.Tensor).Any(c => c.Output.Count > 0 && !integer.Contains(c.Output[0]));
            if (quantizes && prepared.Graph.Producer(point.Tensor) is { OpType: "MaxPool" } pool && shapes.TryGetValue(point.Tensor, out TensorShape pooled))
                time += pooled.ElementCount * (double)pool.IntsAttribute("kernel_shape")!.Aggregate(1L, (a, b) => a * b) / StrayPool;
            if ((quantizes || dequantizes) && shapes.TryGetValue(point.Tensor, out TensorShape shape))
                time += shape.ElementCount / (shape.Rank == ImageRank ? Relaid : Elements);
        }

        return time;
    }

    /// <summary>Everything that is no layer; taken to be the same in all plans.</summary>
    private double Rest { get; } = prepared.Graph.Nodes
        .Where(n => n.Output.Count > 0 && !OperatorFacts.IsPassThrough(n) && all.Layers.All(l => l.Id != n.Output[0]))
        .Sum(n => (shapes.TryGetValue(n.Output[0], out TensorShape shape) ? shape.ElementCount / Elements : 0) + (all.Layers.Any(l => l.Result == n.Output[0]) ? 0 : Start));

    private double Cost(Layer layer, bool integer)
    {
        NodeProto node = prepared.Graph.Producer(layer.Id)!;
        IReadOnlyList<long> weight = prepared.Graph.Initializer(layer.Weight)!.Dims;
        double channels = layer.OpType == "Conv" ? weight[1] : (double)layer.Parameters / weight[layer.WeightAxis];
        if (layer.OpType == "Conv" && channels == 1 && node.IntAttribute("group", 1) > 1)
            return layer.MultiplyAccumulates / (integer ? IntegerDepthwiseRate(weight[0]) : FloatDepthwise);
        if (layer.OpType == "Conv" && channels < NarrowChannels)
        {
            bool widened = integer && AlignedChannels.WidensInput(weight[1], weight[0], weight.Skip(2).Aggregate(1L, (a, b) => a * b), layer.MultiplyAccumulates);
            double patches = widened ? WidenedPatches : integer ? IntegerPatches : FloatPatches;
            return (layer.MultiplyAccumulates / (widened ? WidenedDense : NarrowDense)) + (layer.MultiplyAccumulates / (double)weight[0] / patches);
        }

        double products = layer.OpType == "Conv" ? weight.Skip(1).Aggregate(1.0, (a, b) => a * b) : channels;
        double rate = integer ? IntegerDense * products / (products + IntegerProducts) : FloatDense * products / (products + FloatProducts);
        return (layer.MultiplyAccumulates / rate) + (layer.OpType == "Conv" ? 0 : MatrixOverhead(layer, integer));
    }

    private static double IntegerDepthwiseRate(long channels) => AlignedChannels.WidensDepthwise(channels) switch
    {
        var wide when wide > channels => IntegerDepthwise * channels / wide,
        _ => channels % AlignedChannels.DepthwiseChannels == 0 ? IntegerDepthwise : UnalignedDepthwise,
    };

    private double MatrixOverhead(Layer layer, bool integer) => !integer ? FloatMatrixStart
        : IntegerMatrixStart + (layer.QuantizedResult || !shapes.TryGetValue(layer.Id, out TensorShape shape) ? 0 : shape.ElementCount / FloatsWritten);
}
