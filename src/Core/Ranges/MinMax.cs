using QuantCluster.Calibration;
using QuantCluster.Numerics;

namespace QuantCluster.Ranges;

/// <summary>Everything that was seen: nothing is clipped, outliers cost resolution.</summary>
internal sealed class MinMax : IRangeEstimator
{
    public string Name => "minmax";

    public RealRange Estimate(TensorStatistics statistics, IntegerType type) =>
        new RealRange(statistics.Minimum, statistics.Maximum).WithZero();
}
