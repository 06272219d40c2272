namespace QuantCluster.Verification.Metrics;

/// <summary>Cosine of the angle between all outputs of both models: Σ ref·q / √(Σ ref² · Σ q²); 1 is perfect.</summary>
public sealed class CosineSimilarity : IErrorMetric
{
    public string Name => "cosine";

    public string Title => "cosine similarity";

    public string Unit => "";

    public int Terms => 3;

    public void Add(OutputPair pair, Span<double> terms)
    {
        Energies sums = Energies.Of(pair.Reference.Values, pair.Quantized.Values);
        terms[0] += sums.Reference;
        terms[1] += sums.Quantized;
        terms[2] += sums.Product;
    }

    public double? Value(ReadOnlySpan<double> terms)
    {
        double norms = Math.Sqrt(terms[0]) * Math.Sqrt(terms[1]);
        return norms > 0 ? Math.Clamp(terms[2] / norms, -1, 1) : null;
    }
}
