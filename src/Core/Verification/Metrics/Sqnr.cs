namespace QuantCluster.Verification.Metrics;

/// <summary>Signal to quantization noise ratio over all outputs and samples: 10·log₁₀(Σ ref² / Σ (ref − q)²), in dB.</summary>
public sealed class Sqnr : IErrorMetric
{
    public string Name => "sqnr_db";

    public string Title => "SQNR";

    public string Unit => "dB";

    public int Terms => 2;

    public void Add(OutputPair pair, Span<double> terms)
    {
        Energies sums = Energies.Of(pair.Reference.Values, pair.Quantized.Values);
        terms[0] += sums.Reference;
        terms[1] += sums.Noise;
    }

    public double? Value(ReadOnlySpan<double> terms) => FromEnergies(terms[0], terms[1]);

    /// <summary>In dB; +∞ without noise (an all-zero signal reproduced exactly included), −∞ for noise on no signal.</summary>
    public static double FromEnergies(double signal, double noise) =>
        noise == 0 ? double.PositiveInfinity : 10 * Math.Log10(signal / noise);
}
