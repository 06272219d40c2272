using System.Globalization;

namespace QuantCluster.Client;

/// <summary>Durations as people write them.</summary>
internal static class TimeSpans
{
    private static readonly (string Unit, double Seconds)[] Units = [("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600)];

    /// <summary>Seconds of <c>90s</c>, <c>5m</c>, <c>1.5h</c>; a bare number is seconds.</summary>
    /// <exception cref="QuantException">It is none of these, or not more than 0.</exception>
    public static double Seconds(string text, string option)
    {
        (string unit, double factor) = Units.FirstOrDefault(u => text.EndsWith(u.Unit, StringComparison.OrdinalIgnoreCase), ("", 1));
        return double.TryParse(text.AsSpan(0, text.Length - unit.Length), NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && value > 0 && double.IsFinite(value)
            ? value * factor
            : throw new QuantException(ExitCode.Usage, $"{option} '{text}': give a time above 0, e.g. 90s, 5m or 1h.");
    }
}
