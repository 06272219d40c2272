using System.Globalization;
using QuantCluster.Calibration;

namespace QuantCluster.Bench;

/// <summary>A block's statistics as of a model of any size: every tensor has the same histogram, of values like a layer's.</summary>
internal static class MadeUpStatistics
{
    private const int Values = 20_000, Samples = 8;

    public static CalibrationStatistics Of(int tensors, int seed)
    {
        Random random = new(seed);
        float[] values = [.. Enumerable.Range(0, Values).Select(_ => (float)((random.NextDouble() - 0.3) * random.NextDouble()))];
        TensorStatistics one = TensorStatistics.Of("t", values);
        return new CalibrationStatistics(Samples, Enumerable.Range(0, tensors).Select(i => new TensorStatistics
        {
            Name = i.ToString(CultureInfo.InvariantCulture),
            Count = one.Count,
            Minimum = one.Minimum,
            Maximum = one.Maximum,
            NaNs = 0,
            Infinities = 0,
            Histogram = one.Histogram,
        }));
    }
}
