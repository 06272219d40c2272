namespace QuantCluster.Reporting.Plots;

/// <summary>Round numbers for an axis: steps of 1, 2 or 5 times a power of ten.</summary>
internal static class Ticks
{
    /// <summary>Round values from at or below <paramref name="low"/> up to <paramref name="high"/>, about <paramref name="count"/> of them.</summary>
    public static IReadOnlyList<double> Between(double low, double high, int count)
    {
        double rough = (high - low) / Math.Max(1, count);
        if (!(rough > 0) || !double.IsFinite(rough))
            return [low];
        double power = Math.Pow(10, Math.Floor(Math.Log10(rough)));
        double step = power * ((rough / power) switch { <= 1 => 1, <= 2 => 2, <= 5 => 5, _ => 10 });
        List<double> ticks = [];
        for (double i = Math.Ceiling(low / step); i * step <= high + (step * 1e-9); i++)
            ticks.Add(i * step);
        return ticks;
    }

    /// <summary>All of an axis's ticks with the digits its step needs.</summary>
    public static IEnumerable<(double Value, string Label)> Labelled(IReadOnlyList<double> ticks)
    {
        double step = ticks.Count > 1 ? ticks[1] - ticks[0] : 1;
        double largest = ticks.Max(Math.Abs);
        int digits = Math.Max(0, -(int)Math.Floor(Math.Log10(step) + 1e-9));
        return ticks.Select(t => (t, digits > 4 || largest >= 1e5 ? Quantity.Significant(t) : Quantity.Fixed(t, digits)));
    }
}
