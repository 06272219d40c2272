using QuantCluster.Calibration;
using QuantCluster.Data;
using QuantCluster.Numerics;
using QuantCluster.Onnx;

namespace QuantCluster.Corrections;

/// <summary>How large the float model's values are in each channel of a tensor.</summary>
/// <param name="Least">At most 0.</param>
/// <param name="Greatest">At least 0.</param>
/// <param name="MeanSquares">Of each channel's values.</param>
internal sealed record ChannelMagnitudes(float[] Least, float[] Greatest, double[] MeanSquares)
{
    /// <summary>The greatest magnitude of a channel.</summary>
    public float Of(int channel) => Math.Max(-Least[channel], Greatest[channel]);

    /// <summary>The range of the whole tensor when its channels are multiplied by <paramref name="factors"/>, widened by <paramref name="margin"/>.</summary>
    public RealRange RangeOf(float[] factors, double margin)
    {
        double least = 0, greatest = 0;
        for (int c = 0; c < factors.Length; c++)
        {
            least = Math.Min(least, margin * Least[c] * factors[c]);
            greatest = Math.Max(greatest, margin * Greatest[c] * factors[c]);
        }

        return new RealRange(least, greatest);
    }

    /// <summary>One pass over the data for all tensors; the result does not depend on threads.</summary>
    public static IReadOnlyDictionary<string, ChannelMagnitudes> Measure(
        OnnxModel prepared, IReadOnlyList<ScalableTensor> tensors, IDataset data, int threads, CancellationToken cancellation)
    {
        OnnxModel probed = prepared.Clone();
        List<TapRequest> taps = [];
        Dictionary<string, string> squares = [];
        foreach (ScalableTensor tensor in tensors)
        {
            string square = squares[tensor.Tensor] = probed.Graph.FreshName(tensor.Tensor + "_squared");
            probed.Graph.Nodes.Add(Nodes.Create("Mul", square, [tensor.Tensor, tensor.Tensor], [square]));
            probed.Graph.Reindex();
            taps.Add(new TapRequest(tensor.Tensor, tensor.Axis, Histogram: false));
            taps.Add(new TapRequest(square, tensor.Axis, Histogram: false));
        }

        CalibrationStatistics statistics = Calibrator.Calibrate(
            probed, taps, data, new CalibrationSettings { Workers = Math.Max(1, threads > 0 ? threads : Environment.ProcessorCount) }, null, cancellation);
        return tensors.ToDictionary(t => t.Tensor, t =>
        {
            ChannelStatistics values = statistics.Tensors[t.Tensor].Channels!, squared = statistics.Tensors[squares[t.Tensor]].Channels!;
            return new ChannelMagnitudes(
                [.. values.Minimum.Select(m => Math.Min(m, 0))],
                [.. values.Maximum.Select(m => Math.Max(m, 0))],
                [.. Enumerable.Range(0, squared.Channels).Select(squared.Mean)]);
        });
    }
}
