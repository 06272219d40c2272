using QuantCluster.Jobs;
using QuantCluster.Planning;
using QuantCluster.Search.Configuration;

namespace QuantCluster.Search.Precision;

/// <summary>Another precision or granularity of one layer.</summary>
/// <param name="Layer">The layer's id.</param>
/// <param name="Choice">Without corrections.</param>
/// <param name="After">The configuration with it.</param>
/// <param name="Saved">Bytes the model is smaller by; negative where it is larger.</param>
internal sealed record PrecisionMove(string Layer, LayerChoice Choice, SearchConfiguration After, long Saved);

/// <summary>By which steps layers' weights get smaller, or larger again.</summary>
/// <param name="fourBits">Whether weights may have 4 bits.</param>
/// <param name="stores">Whether weights of float layers may be stored as integers.</param>
internal sealed class PrecisionMoves(TrialBuilder builder, ModelSize size, bool fourBits, bool stores)
{
    /// <summary>Steps up of one layer, at most: more bits, and a scale for each channel.</summary>
    public const int MostUp = 2;

    private readonly bool _fourBits = fourBits && size.CanPack;

    /// <summary>Bytes of a configuration's model, about.</summary>
    public long SizeOf(SearchConfiguration configuration) => size.Of(builder.Build(configuration));

    /// <summary>Every step of one layer that saves at least so many bytes: fewer bits, one scale instead of many, integers instead of floats.</summary>
    public IReadOnlyList<PrecisionMove> Down(SearchConfiguration configuration, long least)
    {
        QuantizationPlan plan = builder.PlanOf(configuration);
        IEnumerable<(string Layer, LayerChoice Choice)> steps =
        [
            .. plan.Layers.SelectMany(l => Smaller(configuration.Layer(l.Id)).Select(c => (l.Id, c))),
            .. (stores ? builder.Storable.Of(plan) : []).Where(s => configuration.Layer(s.Id) == LayerChoice.Float).Select(s => (s.Id, LayerChoice.WeightOnly)),
        ];
        return [.. MovesOf(configuration, steps).Where(m => m.Saved >= least)];
    }

    /// <summary>Every step back of one layer: what it had to give up.</summary>
    public IEnumerable<PrecisionMove> Up(SearchConfiguration configuration, string layer) =>
        MovesOf(configuration, Larger(configuration.Layer(layer)).Select(c => (layer, c)));

    private IEnumerable<PrecisionMove> MovesOf(SearchConfiguration from, IEnumerable<(string Layer, LayerChoice Choice)> steps)
    {
        Lazy<long> before = new(() => SizeOf(from));
        foreach ((string layer, LayerChoice choice) in steps)
        {
            SearchConfiguration after = from.With(layer, choice);
            yield return new PrecisionMove(layer, choice, after, before.Value - SizeOf(after));
        }
    }

    private IEnumerable<LayerChoice> Smaller(LayerChoice now)
    {
        if (now.Precision == LayerPrecision.Int8 && _fourBits)
            yield return new LayerChoice(LayerPrecision.Int4Weights, now.Granularity);
        if (now.IsInteger && now.Granularity == WeightGranularity.Channel)
            yield return new LayerChoice(now.Precision, WeightGranularity.Tensor);
    }

    private IEnumerable<LayerChoice> Larger(LayerChoice now)
    {
        if (now.Precision == LayerPrecision.Int4Weights && builder.Standard.Precision == LayerPrecision.Int8)
            yield return new LayerChoice(LayerPrecision.Int8, now.Granularity);
        if (now.Granularity == WeightGranularity.Tensor && builder.Standard.Granularity == WeightGranularity.Channel)
            yield return new LayerChoice(now.Precision, WeightGranularity.Channel);
        if (now.Precision == LayerPrecision.WeightOnly)
            yield return LayerChoice.Float;
    }
}
