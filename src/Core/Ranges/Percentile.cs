using System.Globalization;
using QuantCluster.Calibration;
using QuantCluster.Numerics;

namespace QuantCluster.Ranges;

/// <summary>The middle part of all values: half of the rest is clipped at each end.</summary>
/// <param name="percent">The part that is kept, in percent, above 0 and at most 100.</param>
internal sealed class Percentile(double percent) : IRangeEstimator
{
    public string Name { get; } = string.Create(CultureInfo.InvariantCulture, $"percentile{percent}");

    public RealRange Estimate(TensorStatistics statistics, IntegerType type)
    {
        double cut = (1 - (percent / 100)) / 2;
        FloatHistogram histogram = statistics.Histogram;
        return new RealRange(histogram.Quantile(cut), histogram.Quantile(1 - cut)).WithZero();
    }
}
