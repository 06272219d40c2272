using System.Globalization;

namespace QuantCluster.Reporting;

/// <summary>Numbers as people read them: three significant digits, the unit that suits, a narrow space before it.</summary>
public static class Quantity
{
    private const string Space = "\u202F";

    /// <summary>Decimal units: 1 MB is 10⁶ bytes.</summary>
    public static string Bytes(long bytes) => bytes switch
    {
        < 1000 => $"{bytes}{Space}B",
        < 1_000_000 => $"{Significant(bytes / 1e3)}{Space}kB",
        < 1_000_000_000 => $"{Significant(bytes / 1e6)}{Space}MB",
        _ => $"{Significant(bytes / 1e9)}{Space}GB",
    };

    public static string Milliseconds(double milliseconds) => milliseconds switch
    {
        < 0.9995 => $"{Significant(milliseconds * 1e3)}{Space}µs",
        < 999.5 => $"{Significant(milliseconds)}{Space}ms",
        _ => $"{Significant(milliseconds / 1e3)}{Space}s",
    };

    public static string Seconds(double seconds) => seconds < 120 ? Milliseconds(seconds * 1e3) : $"{Significant(seconds / 60)}{Space}min";

    public static string Decibels(double decibels) => $"{Fixed(decibels, 1)}{Space}dB";

    public static string Percent(double percent, int digits = 1) => $"{Fixed(percent, digits)}{Space}%";

    public static string Times(double ratio) => $"{Significant(ratio)}×";

    /// <summary>A metric's value in its unit.</summary>
    public static string Measure(double value, string unit) => unit switch
    {
        "%" => Percent(value),
        "dB" => Decibels(value),
        "" => Significant(value),
        _ => $"{Fixed(value, 3)}{Space}{unit}",
    };

    /// <summary>Thousands in groups.</summary>
    public static string Count(long count) => count.ToString("#,0", CultureInfo.InvariantCulture).Replace(",", Space, StringComparison.Ordinal);

    /// <summary>With a sign, for differences.</summary>
    public static string Signed(double value, int digits) => (Math.Round(value, digits) > 0 ? "+" : "") + Fixed(value, digits);

    public static string Fixed(double value, int digits) => value switch
    {
        double.PositiveInfinity => "∞",
        double.NegativeInfinity => "−∞",
        double.NaN => "–",
        _ => Minus((Math.Round(value, digits) + 0.0).ToString("F" + digits.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture)),
    };

    /// <summary>Three significant digits; powers of ten outside 10⁻³ to 10⁶.</summary>
    public static string Significant(double value)
    {
        double size = Math.Abs(value);
        if (size == 0 || !double.IsFinite(value))
            return Fixed(value, 0);
        if (size is < 1e-3 or >= 1e6)
            return Minus(value.ToString("0.##e0", CultureInfo.InvariantCulture));
        int digits = Math.Clamp(2 - (int)Math.Floor(Math.Log10(size * 1.0005) + 1e-9), 0, 5); // 9.996 is 10.0
        return Fixed(value, digits);
    }

    private static string Minus(string text) => text.Replace('-', '−');
}
