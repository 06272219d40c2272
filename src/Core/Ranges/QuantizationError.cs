using QuantCluster.Calibration;
using QuantCluster.Numerics;

namespace QuantCluster.Ranges;

/// <summary>What a mapping would do to the values of a histogram, without the values.</summary>
public static class QuantizationError
{
    /// <summary>
    /// The mean of (x − Q(x))² over the histogram's values, in the tensor's unit squared, with the values of a bin
    /// taken as evenly spread over it. Exact for that density: rounding errors inside the mapping's reach (S²/12
    /// where a bin is many steps wide), distances to the ends outside. 0 for an empty histogram.
    /// </summary>
    public static double ExpectedSquaredError(FloatHistogram histogram, AffineMapping mapping) =>
        histogram.IsEmpty ? 0 : new ErrorIntegral(histogram).Sum(mapping) / histogram.Total;
}
