using QuantCluster.Calibration;
using QuantCluster.Numerics;

namespace QuantCluster.Ranges;

/// <summary>Squared errors of many mappings over one histogram.</summary>
internal sealed class ErrorIntegral
{
    private readonly double[] _low;
    private readonly double[] _high;
    private readonly double[] _counts;

    public ErrorIntegral(FloatHistogram histogram)
    {
        int bins = histogram.Ranks.Length;
        (_low, _high, _counts) = (new double[bins], new double[bins], new double[bins]);
        for (int i = 0; i < bins; i++)
        {
            (_low[i], _high[i]) = histogram.Edges(i);
            _counts[i] = histogram.Counts[i];
        }
    }

    /// <summary>The sum of squared errors over all values.</summary>
    public double Sum(AffineMapping mapping)
    {
        double scale = mapping.Scale;
        RealRange reach = mapping.Representable;
        double sum = 0;
        for (int i = 0; i < _counts.Length; i++)
        {
            double low = _low[i], width = _high[i] - low;
            if (width < 1e-3 * scale)
            {
                double middle = low + (width / 2), nearest = scale * Math.Round(middle / scale);
                double error = middle - Math.Clamp(nearest, reach.Minimum, reach.Maximum);
                sum += _counts[i] * ((error * error) + (width * width / 12));
            }
            else
            {
                sum += _counts[i] * (Primitive(_high[i], scale, reach) - Primitive(low, scale, reach)) / width;
            }
        }

        return sum;
    }

    /// <summary>∫₀ˣ (t − Q(t))² dt. A full step contributes S³/12; beyond the reach the error grows from the end.</summary>
    private static double Primitive(double x, double scale, RealRange reach)
    {
        double inside = Math.Clamp(x, reach.Minimum, reach.Maximum);
        double steps = Math.Round(inside / scale), rest = inside - (steps * scale), beyond = x - inside;
        return (scale * scale * scale * steps / 12) + (((rest * rest * rest) + (beyond * beyond * beyond)) / 3);
    }
}
