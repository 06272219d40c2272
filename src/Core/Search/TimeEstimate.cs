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
    /// <summary>Multiply-accumulates a microsecond of a dense kernel that reads very many channels.</summary>
    private const double FloatDense = 55_000, IntegerDense = 200_000;

    /// <summary>Channels with which a dense kernel reaches half of that.</summary>
    private const double FloatChannels = 12, IntegerChannels = 16;

    /// <summary>Of a depthwise kernel: bound by memory, hardly faster on integers.</summary>
    private const double FloatDepthwise = 17_000, IntegerDepthwise = 18_000;

    /// <summary>Of a convolution that reads too few channels to fill an integer kernel's vectors.</summary>
    private const double FloatNarrow = 26_000, IntegerNarrow = 15_000;

    /// <summary>Of a MatMul or Gemm beyond its products: small ones, as transformers have, are mostly that.</summary>
    private const double FloatMatrixStart = 2.5, IntegerMatrixStart = 4;

    /// <summary>Elements a microsecond that an integer MatMul or Gemm turns into floats as it writes them.</summary>
    private const double FloatsWritten = 2_500;

    /// <summary>Of starting any operator that is no layer, nor fused into one.</summary>
    private const double Start = 1.5;

    /// <summary>Elements a microsecond that are quantized, dequantized, or made by an operator that is no layer.</summary>
    private const double Elements = 8_000;

    /// <summary>
    /// Elements a microsecond of what loses its integer kernel (an Add, a Concat) because one of its inputs is float now:
    /// itself, and the conversions around it, which small models feel most.
    /// </summary>
    private const double Lost = 2_000;

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
            if ((quantizes || dequantizes) && shapes.TryGetValue(point.Tensor, out TensorShape shape))
                time += shape.ElementCount / Elements;
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
        double rate = layer.OpType == "Conv" && channels == 1 && node.IntAttribute("group", 1) > 1 ? integer ? IntegerDepthwise : FloatDepthwise
            : layer.OpType == "Conv" && channels < NarrowChannels ? integer ? IntegerNarrow : FloatNarrow
            : integer ? IntegerDense * channels / (channels + IntegerChannels)
            : FloatDense * channels / (channels + FloatChannels);
        return (layer.MultiplyAccumulates / rate) + (layer.OpType == "Conv" ? 0 : MatrixOverhead(layer, integer));
    }

    private double MatrixOverhead(Layer layer, bool integer) => !integer ? FloatMatrixStart
        : IntegerMatrixStart + (layer.QuantizedResult || !shapes.TryGetValue(layer.Id, out TensorShape shape) ? 0 : shape.ElementCount / FloatsWritten);
}
