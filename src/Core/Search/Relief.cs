using QuantCluster.Planning;
using QuantCluster.Search.Configuration;

namespace QuantCluster.Search;

/// <summary>
/// Sets of layers to take back to float together. Errors cancel, so the second layer may have to go for the first to be
/// worth it and no single step shows it: what is tried are prefixes of rankings.
/// </summary>
internal static class Relief
{
    /// <summary>Layers in a set at most.</summary>
    private const int MostLayers = 10;

    /// <summary>A layer that alone takes more than this many times the time that may be lost is in no set.</summary>
    private const double Hopeless = 2;

    /// <param name="start">With every layer on integers.</param>
    /// <param name="sensitivity">Layer id to the whole model's error with that layer alone quantized.</param>
    public static IReadOnlyList<SearchConfiguration> Sets(
        TrialBuilder builder, Allowance allowance, SearchConfiguration start, IReadOnlyDictionary<string, double> sensitivity)
    {
        IReadOnlyDictionary<string, double> gains = allowance.Time.Gains;
        Layer[] layers = [.. builder.Plan.Layers.Where(l => gains[l.Id] <= Hopeless * allowance.Room)];
        IEnumerable<Layer>[] rankings = [layers.OrderByDescending(l => sensitivity[l.Id]), layers.Take(1 + MostLayers / 2), layers.Reverse().Take(2)];
        List<SearchConfiguration> sets = [];
        foreach (IEnumerable<Layer> ranking in rankings)
        {
            SearchConfiguration state = start;
            foreach (Layer layer in ranking.Take(MostLayers))
            {
                state = state.With(layer.Id, allowance.Float);
                if (allowance.Permits(builder.Build(state)))
                    sets.Add(state);
            }
        }

        return [.. sets.DistinctBy(s => s.Hash)];
    }
}
