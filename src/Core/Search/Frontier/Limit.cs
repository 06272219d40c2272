using System.Globalization;

namespace QuantCluster.Search.Frontier;

/// <summary>A bound: an amount (milliseconds, bytes), or a share of the float model's.</summary>
/// <param name="Value">The amount; 0.5 for half of the float model's.</param>
/// <param name="IsShare">Whether it is a share.</param>
public readonly record struct Limit(double Value, bool IsShare)
{
    private static readonly (string Suffix, double Factor)[] Units = [("GB", 1e9), ("MB", 1e6), ("kB", 1e3), ("B", 1), ("ms", 1), ("us", 1e-3), ("s", 1e3)];

    /// <summary>The bound as an amount.</summary>
    /// <param name="reference">The float model's.</param>
    public double Of(double reference) => IsShare ? Value * reference : Value;

    /// <summary>Reads <c>50%</c>, <c>2.5MB</c>, <c>800kB</c>, <c>3ms</c> or a bare number (milliseconds, bytes).</summary>
    /// <param name="text">What a user wrote.</param>
    /// <param name="units">The units that make sense, e.g. <c>ms</c>.</param>
    /// <returns>Null where it is none of these, or not above 0.</returns>
    public static Limit? Parse(string text, params string[] units)
    {
        string number = text.Trim();
        if (number.EndsWith('%'))
            return Number(number[..^1]) is { } share ? new Limit(share / 100, true) : null;
        foreach ((string suffix, double factor) in Units.Where(u => units.Contains(u.Suffix)))
        {
            if (number.EndsWith(suffix, StringComparison.OrdinalIgnoreCase))
                return Number(number[..^suffix.Length]) is { } amount ? new Limit(amount * factor, false) : null;
        }

        return Number(number) is { } bare ? new Limit(bare, false) : null;
    }

    private static double? Number(string text) =>
        double.TryParse(text.Trim(), NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && value > 0 && double.IsFinite(value) ? value : null;
}
