using QuantCluster.Calibration;
using QuantCluster.Numerics;

namespace QuantCluster.Ranges;

/// <summary>Of what the others propose, the range of least expected squared error; of equals, the first.</summary>
internal sealed class Auto(IReadOnlyList<IRangeEstimator> others) : IRangeEstimator
{
    public string Name => "auto";

    public RealRange Estimate(TensorStatistics statistics, IntegerType type) => Choose(statistics, type).Range;

    public RangeChoice Choose(TensorStatistics statistics, IntegerType type)
    {
        if (statistics.Histogram.IsEmpty)
            return others[0].Choose(statistics, type);
        ErrorIntegral errors = new(statistics.Histogram);
        return others
            .Select(e => e.Choose(statistics, type))
            .MinBy(c => errors.Sum(AffineMapping.FromRange(c.Range, type)));
    }
}
