using System.Globalization;

namespace QuantCluster.Jobs.Stages;

/// <summary>A stretch of samples (or of anything counted) in a work item's argument: <c>first..end</c>, the end not included.</summary>
internal static class SampleRange
{
    public static string Format(int first, int end) => string.Create(CultureInfo.InvariantCulture, $"{first}..{end}");

    public static Range Parse(string text)
    {
        int dots = text.IndexOf("..", StringComparison.Ordinal);
        return int.Parse(text.AsSpan(0, dots), CultureInfo.InvariantCulture)..int.Parse(text.AsSpan(dots + 2), CultureInfo.InvariantCulture);
    }

    /// <summary>Blocks of <paramref name="size"/> that cover <paramref name="count"/>.</summary>
    public static IEnumerable<string> Blocks(int count, int size)
    {
        for (int first = 0; first < count; first += size)
            yield return Format(first, Math.Min(count, first + size));
    }
}
