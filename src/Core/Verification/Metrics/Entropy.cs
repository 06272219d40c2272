namespace QuantCluster.Verification.Metrics;

/// <summary>−Σ p·ln p of a distribution over classes, in nats: what a model that is right about its own doubt loses at a position.</summary>
public static class Entropy
{
    /// <summary>Of the distribution that a row of an output stands for.</summary>
    /// <param name="row">Probabilities, their logarithms, or logits.</param>
    /// <param name="kind">Which of them.</param>
    public static double Of(ReadOnlySpan<float> row, OutputKind kind) => kind == OutputKind.Probabilities ? OfProbabilities(row) : OfLogarithms(row);

    private static double OfProbabilities(ReadOnlySpan<float> row)
    {
        double sum = 0;
        foreach (float p in row)
            sum -= p > KullbackLeibler.Floor ? p * Math.Log(p) : 0;
        return Math.Max(0, sum);
    }

    private static double OfLogarithms(ReadOnlySpan<float> row)
    {
        double all = KullbackLeibler.LogSumExp(row), sum = 0;
        foreach (float value in row)
        {
            double logarithm = value - all;
            if (logarithm > double.NegativeInfinity)
                sum -= Math.Exp(logarithm) * logarithm;
        }

        return Math.Max(0, sum);
    }
}
