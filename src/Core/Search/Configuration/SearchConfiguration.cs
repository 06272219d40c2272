using System.Collections.Immutable;
using QuantCluster.Corrections;
using QuantCluster.Jobs;

namespace QuantCluster.Search.Configuration;

/// <summary>
/// A place in the space that is searched: what was chosen for each layer and for the range of each tensor. A value:
/// equal choices have equal hashes, however they were come by.
/// </summary>
public sealed class SearchConfiguration : IEquatable<SearchConfiguration>
{
    private readonly ImmutableSortedDictionary<string, LayerChoice> _layers;
    private readonly ImmutableSortedDictionary<string, RangeCandidate> _ranges;
    private string? _hash;

    private SearchConfiguration(ImmutableSortedDictionary<string, LayerChoice> layers, ImmutableSortedDictionary<string, RangeCandidate> ranges)
    {
        _layers = layers;
        _ranges = ranges;
    }

    /// <summary>Every layer float.</summary>
    public static SearchConfiguration AllFloat { get; } = new(
        ImmutableSortedDictionary.Create<string, LayerChoice>(StringComparer.Ordinal),
        ImmutableSortedDictionary.Create<string, RangeCandidate>(StringComparer.Ordinal));

    /// <summary>Ids of the layers on integers, in ordinal order.</summary>
    public IEnumerable<string> Quantized => _layers.Where(l => l.Value.IsInteger).Select(l => l.Key);

    /// <summary>Ids of the layers that compute in float and whose weights are stored as integers, in ordinal order.</summary>
    public IEnumerable<string> WeightOnly => _layers.Where(l => !l.Value.IsInteger).Select(l => l.Key);

    /// <summary>Tensors whose range is not the default one, in ordinal order.</summary>
    public IEnumerable<KeyValuePair<string, RangeCandidate>> Ranges => _ranges;

    /// <summary>SHA-256 of <see cref="Canonical"/>.</summary>
    public string Hash => _hash ??= ContentHash.Of(Canonical());

    /// <summary>A layer's choice; layers that were not chosen for are float.</summary>
    public LayerChoice Layer(string id) => _layers.GetValueOrDefault(id, LayerChoice.Float);

    /// <summary>A tensor's range; null for the default one.</summary>
    public RangeCandidate? Range(string tensor) => _ranges.TryGetValue(tensor, out RangeCandidate candidate) ? candidate : null;

    public SearchConfiguration With(string layer, LayerChoice choice) =>
        new(choice.Precision == LayerPrecision.Float ? _layers.Remove(layer) : _layers.SetItem(layer, choice), _ranges);

    /// <param name="candidate">Null for the default range.</param>
    public SearchConfiguration WithRange(string tensor, RangeCandidate? candidate) =>
        new(_layers, candidate is { } value ? _ranges.SetItem(tensor, value) : _ranges.Remove(tensor));

    /// <summary>The same precisions and ranges, with nearest integers and the layers' own biases.</summary>
    public SearchConfiguration WithoutCorrections() => Quantized.Aggregate(this, (c, layer) => c.With(layer, c.Layer(layer).Bare));

    /// <summary>The same precisions and ranges, some layers corrected.</summary>
    /// <param name="corrections">What was done to them.</param>
    /// <param name="corrected">Layer id to what came of it.</param>
    public SearchConfiguration WithCorrections(LayerCorrection corrections, IReadOnlyDictionary<string, CorrectedLayer> corrected) =>
        corrected.Aggregate(this, (c, l) => c.With(l.Key, c.Layer(l.Key).With(corrections, l.Value)));

    /// <summary>The same layers, every tensor with its default range.</summary>
    public SearchConfiguration WithDefaultRanges() => new(_layers, _ranges.Clear());

    /// <summary>One line a layer that has integers, one a tensor whose range is not the default one.</summary>
    public string Canonical() => string.Join('\n', [
        .. _layers.Select(l => $"layer {l.Key} {l.Value.Canonical()}"),
        .. _ranges.Select(r => $"range {r.Key} {r.Value}"),
    ]);

    public bool Equals(SearchConfiguration? other) => other is not null && Hash == other.Hash;

    public override bool Equals(object? obj) => Equals(obj as SearchConfiguration);

    public override int GetHashCode() => Hash.GetHashCode(StringComparison.Ordinal);
}
