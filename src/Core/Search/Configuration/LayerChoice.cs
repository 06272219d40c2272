using System.Runtime.InteropServices;
using QuantCluster.Corrections;
using QuantCluster.Jobs;

namespace QuantCluster.Search.Configuration;

/// <summary>The numbers a layer computes in.</summary>
public enum LayerPrecision
{
    Float,
    Int8,
}

/// <summary>What was chosen for one layer.</summary>
/// <param name="Precision">The layer's numbers.</param>
/// <param name="Corrections">What was done to its integers and its bias.</param>
/// <param name="Corrected">
/// Its integers and bias after that; null for nearest integers and its own bias. They depend on the error that was there
/// when the layer was corrected, so they are part of the choice.
/// </param>
public sealed record LayerChoice(LayerPrecision Precision, LayerCorrection Corrections = LayerCorrection.None, CorrectedLayer? Corrected = null)
{
    private string? _text;

    public static LayerChoice Float { get; } = new(LayerPrecision.Float);

    public static LayerChoice Int8 { get; } = new(LayerPrecision.Int8);

    /// <summary>Equal choices have equal texts.</summary>
    public string Canonical() => _text ??= Corrected is null ? $"{Precision}" : $"{Precision} {Corrections} {Fingerprint(Corrected)}";

    private static string Fingerprint(CorrectedLayer corrected)
    {
        using ContentHash hash = new();
        hash.Add(MemoryMarshal.AsBytes<sbyte>(corrected.Weight.Values));
        hash.Add(MemoryMarshal.AsBytes<float>(corrected.Weight.Scales));
        hash.Add(MemoryMarshal.AsBytes<float>(corrected.Bias ?? []));
        return hash.Finish();
    }
}
