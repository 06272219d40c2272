using QuantCluster.Search.Sensitivity;

namespace QuantCluster.Search.Frontier;

/// <summary>A set of layers to be judged.</summary>
/// <param name="Name">How it came about, e.g. <c>sensitivity, 3 float</c>.</param>
/// <param name="Quantized">Ids of the layers on integers.</param>
internal sealed record FrontierCandidate(string Name, IReadOnlySet<string> Quantized);

/// <summary>
/// Sets of layers that may lie on the frontier: prefixes of rankings. Along each, layers go back to float one after the
/// other; which ranking is good differs from model to model, so all are judged.
/// </summary>
internal static class FrontierChains
{
    /// <param name="layers">Every layer's sensitivity, in graph order.</param>
    /// <param name="gainOf">What a layer gains on integers, as a share of the float model's time.</param>
    /// <param name="most">Sets of one ranking at most; in between, prefixes grow by steps that grow.</param>
    public static IReadOnlyList<FrontierCandidate> Make(IReadOnlyList<LayerSensitivity> layers, Func<string, double> gainOf, int most)
    {
        // What a layer costs in accuracy for each part of the time it saves; those that save none first.
        double least = layers.Count == 0 ? 0 : layers.Max(l => Math.Abs(gainOf(l.Id))) / 1000;
        double PerGain(LayerSensitivity l) => gainOf(l.Id) <= least ? double.MaxValue : l.OnlyThis / gainOf(l.Id);
        (string Name, LayerSensitivity[] Order)[] rankings =
        [
            ("error for its speed", [.. layers.OrderByDescending(PerGain).ThenBy(l => gainOf(l.Id))]),
            ("sensitivity", [.. layers.OrderByDescending(l => l.OnlyThis)]),
            ("relief", [.. layers.OrderByDescending(l => l.Relief)]),
            ("slow on integers", [.. layers.OrderBy(l => gainOf(l.Id))]),
            ("error for its size", [.. layers.OrderByDescending(l => l.OnlyThis / Math.Max(1, l.Parameters))]),
            ("from the input", [.. layers]),
            ("from the output", [.. layers.Reverse()]),
        ];
        List<FrontierCandidate> all = [new("all quantized", layers.Select(l => l.Id).ToHashSet())];
        foreach ((string name, LayerSensitivity[] order) in rankings)
        {
            foreach (int floats in Steps(layers.Count, most))
                all.Add(new FrontierCandidate($"{name}, {floats} float", order.Skip(floats).Select(l => l.Id).ToHashSet()));
        }

        HashSet<string> seen = [];
        return [.. all.Where(c => seen.Add(string.Join('\n', c.Quantized.Order(StringComparer.Ordinal))))];
    }

    /// <summary>Numbers from 1 to <paramref name="layers"/> − 1, close together at first.</summary>
    internal static IReadOnlyList<int> Steps(int layers, int most)
    {
        if (layers - 1 <= most)
            return [.. Enumerable.Range(1, Math.Max(0, layers - 1))];
        SortedSet<int> steps = [];
        for (int i = 0; i < most; i++)
            steps.Add(Math.Max(i + 1, (int)Math.Round(Math.Pow(layers - 1, (i + 1.0) / most))));
        return [.. steps.Where(s => s < layers)];
    }
}
