using System.Globalization;

namespace QuantCluster.Search.Orders;

/// <summary>The orders there are.</summary>
public static class LayerOrders
{
    private const string RandomPrefix = "random-";

    /// <summary>All but beams and random ones, the most useful first.</summary>
    public static IReadOnlyList<ILayerOrder> All { get; } =
        [new SensitivityAscending(), new Topological(), new Reverse(), new LatencyGain(), new SensitivityDescending(), new ParameterSize()];

    /// <summary>By name; <c>random-7</c> is the random order of seed 7, <c>beam-3</c> a beam of width 3.</summary>
    /// <exception cref="QuantException">There is none of that name.</exception>
    public static ILayerOrder Get(string name)
    {
        if (NumberOf(name, RandomPrefix) is { } seed)
            return new SeededRandom(seed);
        if (NumberOf(name, Beam.Prefix) is { } width and > 0)
            return new Beam(width);
        return All.FirstOrDefault(o => o.Name == name) ?? throw new QuantException(
            ExitCode.Usage, $"no order '{name}'. There are: {string.Join(", ", All.Select(o => o.Name))}, beam-N, and random-N.");
    }

    private static int? NumberOf(string name, string prefix) =>
        name.StartsWith(prefix, StringComparison.Ordinal) && int.TryParse(name.AsSpan(prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : null;
}
