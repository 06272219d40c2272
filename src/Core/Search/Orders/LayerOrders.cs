using System.Globalization;

namespace QuantCluster.Search.Orders;

/// <summary>The orders there are.</summary>
public static class LayerOrders
{
    private const string RandomPrefix = "random-";

    /// <summary>All but random ones, the most useful first.</summary>
    public static IReadOnlyList<ILayerOrder> All { get; } =
        [new SensitivityAscending(), new Topological(), new Reverse(), new LatencyGain(), new SensitivityDescending(), new ParameterSize()];

    /// <summary>By name; <c>random-7</c> is the random order of seed 7.</summary>
    /// <exception cref="QuantException">There is none of that name.</exception>
    public static ILayerOrder Get(string name)
    {
        if (name.StartsWith(RandomPrefix, StringComparison.Ordinal)
            && int.TryParse(name.AsSpan(RandomPrefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int seed))
            return new SeededRandom(seed);
        return All.FirstOrDefault(o => o.Name == name) ?? throw new QuantException(
            ExitCode.Usage, $"no order '{name}'. There are: {string.Join(", ", All.Select(o => o.Name))}, and random-N.");
    }
}
