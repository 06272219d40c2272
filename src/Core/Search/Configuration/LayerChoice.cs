using System.Runtime.InteropServices;
using QuantCluster.Corrections;
using QuantCluster.Emission;
using QuantCluster.Jobs;
using QuantCluster.Numerics;
using QuantCluster.Planning;
using QuantCluster.Ranges;

namespace QuantCluster.Search.Configuration;

/// <summary>What was chosen for one layer. A value: equal choices have equal texts (<see cref="Canonical"/>).</summary>
/// <param name="Precision">The layer's numbers.</param>
/// <param name="Granularity">Whether its weight has a scale a channel, or one.</param>
/// <param name="Corrections">What was done to its integers and its bias.</param>
/// <param name="Corrected">
/// Its integers and bias after that; null for nearest integers and its own bias. They depend on the error that was there
/// when the layer was corrected, so they are part of the choice.
/// </param>
public sealed record LayerChoice(
    LayerPrecision Precision,
    WeightGranularity Granularity = WeightGranularity.Channel,
    LayerCorrection Corrections = LayerCorrection.None,
    CorrectedLayer? Corrected = null)
{
    private string? _text;

    /// <summary>What is changed has another text.</summary>
    private LayerChoice(LayerChoice other) =>
        (Precision, Granularity, Corrections, Corrected) = (other.Precision, other.Granularity, other.Corrections, other.Corrected);

    public static LayerChoice Float { get; } = new(LayerPrecision.Float);

    public static LayerChoice WeightOnly { get; } = new(LayerPrecision.WeightOnly);

    public static LayerChoice Int8 { get; } = new(LayerPrecision.Int8);

    public static LayerChoice Int4Weights { get; } = new(LayerPrecision.Int4Weights);

    /// <summary>Whether the layer computes on integers.</summary>
    public bool IsInteger => Precision is LayerPrecision.Int8 or LayerPrecision.Int4Weights;

    /// <summary>The same without corrections: nearest integers and the layer's own bias.</summary>
    public LayerChoice Bare => Corrected is null ? this : new(Precision, Granularity);

    /// <summary>What layers become where nothing else is chosen: as many bits and scales as the settings say.</summary>
    public static LayerChoice StandardOf(RangeSettings settings) => new(
        settings.Weights == IntegerType.Int4 ? LayerPrecision.Int4Weights : LayerPrecision.Int8,
        settings.PerChannel ? WeightGranularity.Channel : WeightGranularity.Tensor);

    /// <summary>What a layer became in a candidate, corrections aside.</summary>
    /// <param name="plan">What of the model runs on integers.</param>
    /// <param name="configuration">Its numbers.</param>
    /// <param name="layer">The layer's id.</param>
    public static LayerChoice Of(QuantizationPlan plan, QuantizationConfiguration configuration, string layer)
    {
        bool integer = plan.Layers.Any(l => l.Id == layer);
        QuantizedWeight? weight = (integer ? configuration.Weights : configuration.WeightOnly).GetValueOrDefault(layer);
        return weight is null ? Float : new LayerChoice(
            !integer ? LayerPrecision.WeightOnly : weight.Type == IntegerType.Int4 ? LayerPrecision.Int4Weights : LayerPrecision.Int8,
            weight.Axis < 0 ? WeightGranularity.Tensor : WeightGranularity.Channel);
    }

    /// <summary>The same after a correction.</summary>
    public LayerChoice With(LayerCorrection corrections, CorrectedLayer corrected) => new(Precision, Granularity, corrections, corrected);

    /// <summary>How a weight of this choice is mapped, all else as <paramref name="settings"/> say.</summary>
    public RangeSettings Applied(RangeSettings settings) => settings with
    {
        Weights = Precision == LayerPrecision.Int4Weights ? IntegerType.Int4 : IntegerType.Int8,
        PerChannel = Granularity == WeightGranularity.Channel,
    };

    /// <summary>Equal choices have equal texts.</summary>
    public string Canonical() => _text ??= string.Join(' ', [
        $"{Precision}",
        .. Granularity == WeightGranularity.Channel ? Array.Empty<string>() : ["per tensor"],
        .. Corrected is null ? Array.Empty<string>() : [$"{Corrections}", Fingerprint(Corrected)],
    ]);

    /// <summary>For people and for the outcome: the precision, and the granularity where it is not the usual one.</summary>
    public string Told(WeightGranularity usual = WeightGranularity.Channel) => Precision switch
    {
        LayerPrecision.Float => "float",
        LayerPrecision.WeightOnly => "float with int8 weights",
        LayerPrecision.Int8 => "int8",
        _ => "int8 with int4 weights",
    } + (Granularity == usual || !IsInteger ? "" : Granularity == WeightGranularity.Tensor ? ", per tensor" : ", per channel");

    public bool Equals(LayerChoice? other) => other is not null && Canonical() == other.Canonical();

    public override int GetHashCode() => Canonical().GetHashCode(StringComparison.Ordinal);

    private static string Fingerprint(CorrectedLayer corrected)
    {
        using ContentHash hash = new();
        hash.Add(MemoryMarshal.AsBytes<sbyte>(corrected.Weight.Values));
        hash.Add(MemoryMarshal.AsBytes<float>(corrected.Weight.Scales));
        hash.Add(MemoryMarshal.AsBytes<float>(corrected.Bias ?? []));
        return hash.Finish();
    }
}
