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
    /// <summary>Multiply-accumulates a microsecond of a dense kernel.</summary>
    private const double FloatDense = 50_000, IntegerDense = 150_000;

    /// <summary>Of a depthwise kernel: bound by memory, hardly faster on integers.</summary>
    private const double FloatDepthwise = 15_000, IntegerDepthwise = 16_000;

    /// <summary>Of a convolution that reads too few channels to fill an integer kernel's vectors.</summary>
    private const double FloatNarrow = 26_000, IntegerNarrow = 22_000;

    /// <summary>Elements quantized or dequantized a microsecond.</summary>
    private const double Conversion = 8_000;

    /// <summary>Input channels below which a convolution counts as narrow.</summary>
    private const int NarrowChannels = 4;

    /// <summary>Layer id to what quantizing it saves, conversions aside; negative where integers are slower.</summary>
    public IReadOnlyDictionary<string, double> Gains => all.Layers.ToDictionary(l => l.Id, l => Cost(l, integer: false) - Cost(l, integer: true));

    /// <summary>Microseconds of all layers of the whole plan, as the part of it quantizes them, and of the conversions at its borders.</summary>
    public double Of(QuantizationPlan part)
    {
        HashSet<string> quantized = [.. part.Layers.Select(l => l.Id)], integer = [.. quantized, .. part.IntegerNodes];
        double time = all.Layers.Sum(l => Cost(l, quantized.Contains(l.Id)));
        foreach (QuantizationPoint point in part.Points)
        {
            bool quantizes = !point.FromIntegerKernel;
            bool dequantizes = point.FromIntegerKernel && prepared.Graph.Consumers(point.Tensor).Any(c => c.Output.Count > 0 && !integer.Contains(c.Output[0]));
            if ((quantizes || dequantizes) && shapes.TryGetValue(point.Tensor, out TensorShape shape))
                time += shape.ElementCount / Conversion;
        }

        return time;
    }

    private double Cost(Layer layer, bool integer)
    {
        NodeProto node = prepared.Graph.Producer(layer.Id)!;
        double rate = integer ? IntegerDense : FloatDense;
        if (layer.OpType == "Conv" && prepared.Graph.Initializer(layer.Weight) is { } weight)
        {
            if (weight.Dims[1] == 1 && node.IntAttribute("group", 1) > 1)
                rate = integer ? IntegerDepthwise : FloatDepthwise;
            else if (weight.Dims[1] < NarrowChannels)
                rate = integer ? IntegerNarrow : FloatNarrow;
        }

        return layer.MultiplyAccumulates / rate;
    }
}
