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

    /// <summary>For people, in its two largest units: <c>2 h 5 min</c>, <c>1 min 20 s</c>, <c>3 s</c>.</summary>
    public static string Text(TimeSpan time) => time.TotalHours >= 1
        ? string.Create(CultureInfo.InvariantCulture, $"{(int)time.TotalHours} h {time.Minutes} min")
        : time.TotalMinutes >= 1
            ? string.Create(CultureInfo.InvariantCulture, $"{time.Minutes} min {time.Seconds} s")
            : string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0} s");
}
