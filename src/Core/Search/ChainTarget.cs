using QuantCluster.Search.Configuration;
using QuantCluster.Search.Precision;

namespace QuantCluster.Search;

/// <summary>What layers become as a chain puts them on integers, and what else they may become as far as a limit of size permits.</summary>
/// <param name="whole">With every layer, no corrections: a chain's last state where it takes no other way.</param>
internal sealed class ChainTarget(TrialBuilder builder, SearchConfiguration whole, SizeLimit? limit)
{
    /// <summary>Every layer as the settings ask for.</summary>
    public static ChainTarget Standard(TrialBuilder builder) => new(builder, builder.All(), null);

    /// <summary>Nothing on integers.</summary>
    public SearchConfiguration Begin { get; } = whole.WeightOnly.Aggregate(SearchConfiguration.AllFloat, (c, l) => c.With(l, whole.Layer(l)));

    /// <summary>The prefix with these layers on integers too, with nearest integers and the default ranges.</summary>
    public SearchConfiguration Extend(SearchConfiguration prefix, IReadOnlyList<string> layers) =>
        layers.Aggregate(prefix, (c, layer) => c.With(layer, whole.Layer(layer) is { IsInteger: true } choice ? choice : builder.Standard));

    /// <summary>The extended prefix with one of the new layers a step up, where the model keeps to the limit if all layers that are not taken yet do as they should.</summary>
    public IEnumerable<SearchConfiguration> Alternatives(SearchConfiguration extended, IReadOnlyList<string> layers)
    {
        if (limit is null)
            return [];
        SearchConfiguration complete = extended.Quantized.Aggregate(whole, (c, l) => c.With(l, extended.Layer(l)));
        return layers.SelectMany(l => limit.Moves.Up(complete, l)).Where(m => limit.Permits(builder.Build(m.After))).Select(m => extended.With(m.Layer, m.Choice));
    }

    /// <summary>There are no more alternatives than these for so many new layers.</summary>
    public int MostAlternatives(int layers) => limit is null ? 0 : layers * PrecisionMoves.MostUp;
}
