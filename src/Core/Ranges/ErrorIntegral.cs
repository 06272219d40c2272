using System.Runtime.Intrinsics;
using QuantCluster.Calibration;
using QuantCluster.Numerics;

namespace QuantCluster.Ranges;

/// <summary>
/// Squared errors of many mappings over one histogram, whose bins' values are taken as evenly spread. Bins that are
/// clipped or rounded to zero as a whole come from running totals; only those between are walked.
/// </summary>
internal sealed class ErrorIntegral
{
    // Bins narrower than this part of a step are taken as a point: the integral's difference would cancel.
    private const double PointWidth = 1e-3;

    private readonly double[] _low;
    private readonly double[] _high;
    private readonly double[] _counts;
    // Running totals of counts, values and squares.
    private readonly double[] _number;
    private readonly double[] _sum;
    private readonly double[] _squares;

    public ErrorIntegral(FloatHistogram histogram)
    {
        int bins = histogram.Ranks.Length;
        (_low, _high, _counts) = (new double[bins], new double[bins], new double[bins]);
        (_number, _sum, _squares) = (new double[bins + 1], new double[bins + 1], new double[bins + 1]);
        for (int i = 0; i < bins; i++)
        {
            (double low, double high) = histogram.Edges(i);
            double count = histogram.Counts[i];
            (_low[i], _high[i], _counts[i]) = (low, high, count);
            _number[i + 1] = _number[i] + count;
            _sum[i + 1] = _sum[i] + (count * (low + high) / 2);
            _squares[i + 1] = _squares[i] + (count * ((low * low) + (low * high) + (high * high)) / 3);
        }
    }

    /// <summary>The sum of squared errors over all values.</summary>
    public double Sum(AffineMapping mapping)
    {
        double half = mapping.Scale / 2.0;
        RealRange reach = mapping.Representable;
        // In order of value: clipped below, walked, rounded to zero, walked, clipped above.
        int below = CountUpTo(_high, reach.Minimum);
        int above = Math.Max(below, CountUpTo(_low, reach.Maximum));
        int zeroFrom = Math.Clamp(CountUpTo(_low, Math.Max(-half, reach.Minimum)), below, above);
        int zeroTo = Math.Clamp(CountUpTo(_high, Math.Min(half, reach.Maximum)), zeroFrom, above);
        return Distance(0, below, reach.Minimum)
            + Walk(below, zeroFrom, mapping.Scale, reach)
            + Distance(zeroFrom, zeroTo, 0)
            + Walk(zeroTo, above, mapping.Scale, reach)
            + Distance(above, _counts.Length, reach.Maximum);
    }

    /// <summary>Bins whose <paramref name="edges"/> are at most <paramref name="value"/>.</summary>
    private static int CountUpTo(double[] edges, double value)
    {
        int from = 0, to = edges.Length;
        while (from < to)
        {
            int middle = (from + to) / 2;
            if (edges[middle] <= value)
                from = middle + 1;
            else
                to = middle;
        }

        return from;
    }

    /// <summary>Σ (x − target)² over whole bins.</summary>
    private double Distance(int from, int to, double target) => from >= to ? 0 : Math.Max(0,
        _squares[to] - _squares[from] - (2 * target * (_sum[to] - _sum[from])) + (target * target * (_number[to] - _number[from])));

    private double Walk(int from, int to, double scale, RealRange reach)
    {
        // Eight at a time on every processor, so the sum's order is the same on all.
        Vector512<double> total = Vector512<double>.Zero;
        int i = from;
        for (; i <= to - Vector512<double>.Count; i += Vector512<double>.Count)
            total += Errors(Vector512.LoadUnsafe(ref _low[i]), Vector512.LoadUnsafe(ref _high[i]), Vector512.LoadUnsafe(ref _counts[i]), scale, reach);
        double sum = 0;
        for (int lane = 0; lane < Vector512<double>.Count; lane++)
            sum += total[lane];
        for (; i < to; i++)
            sum += Errors(Vector512.Create(_low[i]), Vector512.Create(_high[i]), Vector512.Create(_counts[i]), scale, reach)[0];
        return sum;
    }

    private static Vector512<double> Errors(Vector512<double> low, Vector512<double> high, Vector512<double> counts, double scale, RealRange reach)
    {
        Vector512<double> width = high - low, middle = low + (width * 0.5);
        Vector512<double> nearest = Vector512.Round(middle * (1 / scale)) * scale;
        Vector512<double> error = middle - Clamp(nearest, reach);
        Vector512<double> point = (error * error) + (width * width * (1.0 / 12));
        Vector512<double> spread = (Primitive(high, scale, reach) - Primitive(low, scale, reach)) / width;
        return counts * Vector512.ConditionalSelect(Vector512.LessThan(width, Vector512.Create(PointWidth * scale)), point, spread);
    }

    /// <summary>∫₀ˣ (t − Q(t))² dt. A full step contributes S³/12; beyond the reach the error grows from the end.</summary>
    private static Vector512<double> Primitive(Vector512<double> x, double scale, RealRange reach)
    {
        Vector512<double> inside = Clamp(x, reach), steps = Vector512.Round(inside * (1 / scale));
        Vector512<double> rest = inside - (steps * scale), beyond = x - inside;
        return (steps * (scale * scale * scale / 12)) + (((rest * rest * rest) + (beyond * beyond * beyond)) * (1.0 / 3));
    }

    private static Vector512<double> Clamp(Vector512<double> x, RealRange reach) =>
        Vector512.Min(Vector512.Max(x, Vector512.Create(reach.Minimum)), Vector512.Create(reach.Maximum));
}
