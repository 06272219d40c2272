using System.Globalization;

namespace QuantCluster.Jobs.Stages;

/// <summary>A list of samples in a work item's input: their indices with a space between.</summary>
internal static class SampleIndices
{
    public static string Format(IEnumerable<int> samples) => string.Join(' ', samples.Select(s => s.ToString(CultureInfo.InvariantCulture)));

    public static int[] Parse(string text) => [.. text.Split(' ').Select(s => int.Parse(s, CultureInfo.InvariantCulture))];
}
