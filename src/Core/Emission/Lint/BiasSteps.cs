using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Emission.Lint;

/// <summary>A bias scale that is not the product of the input's and the weight's.</summary>
/// <param name="Channel">The first channel where it is not.</param>
/// <param name="Expected">s_x·s_w in float32.</param>
/// <param name="Actual">The scale of the bias.</param>
internal readonly record struct WrongBiasScale(int Channel, float Expected, float Actual)
{
    public double RelativeError => Math.Abs(((double)Actual / Expected) - 1);
}

/// <summary>Integer kernels take an INT32 bias as steps of s_x·s_w, whatever its DequantizeLinear says.</summary>
internal static class BiasSteps
{
    /// <summary>The first channel whose scale is off by more than <paramref name="absolute"/> + <paramref name="relative"/>·s_x·s_w; null if none is.</summary>
    public static WrongBiasScale? FirstWrong(QuantizedGraph graph, NodeProto node, double relative, double absolute = 0)
    {
        if (graph.Dequantizer(node.Input[0]) is not { Scales: [var x] } || graph.Dequantizer(node.Input[1]) is not { Scales: { } w }
            || graph.DirectDequantizer(node.InputOrNull(2)) is not { Scales: { } b })
            return null;
        for (int i = 0; i < Math.Max(b.Length, w.Length); i++)
        {
            WrongBiasScale scale = new(i, x * w[Math.Min(i, w.Length - 1)], b[Math.Min(i, b.Length - 1)]);
            if (Math.Abs((double)scale.Actual - scale.Expected) > absolute + (relative * Math.Abs(scale.Expected)))
                return scale;
        }

        return null;
    }
}
