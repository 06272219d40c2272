using QuantCluster.Calibration;
using QuantCluster.Numerics;

namespace QuantCluster.Ranges;

/// <summary>
/// The range of least expected squared error: clipping against resolution. Both ends are searched on their own,
/// from coarse to fine.
/// </summary>
internal sealed class MeanSquaredError : IRangeEstimator
{
    private const int Coarse = 10;
    private const int Refinements = 6;

    public string Name => "mse";

    public RealRange Estimate(TensorStatistics statistics, IntegerType type)
    {
        RealRange all = new RealRange(statistics.Minimum, statistics.Maximum).WithZero();
        FloatHistogram histogram = statistics.Histogram;
        if (histogram.IsEmpty || all.Minimum == all.Maximum)
            return all;

        ErrorIntegral errors = new(histogram);
        (RealRange Range, double Error) best = (all, errors.Sum(AffineMapping.FromRange(all, type)));
        for (int high = 1; high <= Coarse; high++)
        {
            for (int low = 1; low <= Coarse; low++)
                Try(new RealRange(all.Minimum * low / Coarse, all.Maximum * high / Coarse));
        }

        double step = 1.0 / Coarse;
        for (int i = 0; i < Refinements; i++)
        {
            step /= 2;
            RealRange center = best.Range;
            for (int high = -1; high <= 1; high++)
            {
                for (int low = -1; low <= 1; low++)
                {
                    Try(new RealRange(
                        Math.Clamp(center.Minimum + (low * step * all.Minimum), all.Minimum, 0),
                        Math.Clamp(center.Maximum + (high * step * all.Maximum), 0, all.Maximum)));
                }
            }
        }

        return best.Range;

        void Try(RealRange range)
        {
            if (range.Minimum == range.Maximum)
                return;
            double error = errors.Sum(AffineMapping.FromRange(range, type));
            if (error < best.Error)
                best = (range, error);
        }
    }
}
