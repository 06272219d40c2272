using QuantCluster.Calibration;
using QuantCluster.Numerics;

namespace QuantCluster.Ranges;

/// <summary>Of what the others propose, the range of least expected squared error; of equals, the first.</summary>
internal sealed class Auto(IReadOnlyList<IRangeEstimator> others) : IRangeEstimator
{
    public string Name => "auto";

    public RealRange Estimate(TensorStatistics statistics, IntegerType type)
    {
        if (statistics.Histogram.IsEmpty)
            return new RealRange(statistics.Minimum, statistics.Maximum).WithZero();
        ErrorIntegral errors = new(statistics.Histogram);
        return others
            .Select(e => e.Estimate(statistics, type))
            .MinBy(r => errors.Sum(AffineMapping.FromRange(r, type)));
    }
}
