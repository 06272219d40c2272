namespace QuantCluster.Verification.Metrics;

/// <summary>
/// Mean Kullback–Leibler divergence of the quantized model's distribution from the float model's, in nats per position:
/// Σ p·(ln p − ln q) over the classes of the first float output. Only where that output is a (Log)Softmax.
/// </summary>
public sealed class KullbackLeibler : IErrorMetric
{
    /// <summary>
    /// Least probability assumed: a softmax stored in 8 bits gives exact zeros, and one of them would make the mean infinite.
    /// </summary>
    public const double Floor = 1e-7;

    public string Name => "kl";

    public string Title => "KL divergence";

    public string Unit => "nats";

    public int Terms => 2;

    public void Add(OutputPair pair, Span<double> terms)
    {
        if (!pair.IsPrimary || pair.Reference.Kind == OutputKind.Values || pair.Reference.Classes < 2)
            return;
        int positions = pair.Reference.Positions;
        bool logarithms = pair.Reference.Kind == OutputKind.LogProbabilities;
        double sum = 0;
        for (int i = 0; i < positions; i++)
            sum += logarithms ? OfLogarithms(pair.Reference.Row(i), pair.Quantized.Row(i)) : OfProbabilities(pair.Reference.Row(i), pair.Quantized.Row(i));
        terms[0] += sum;
        terms[1] += positions;
    }

    public double? Value(ReadOnlySpan<double> terms) => terms[1] > 0 ? terms[0] / terms[1] : null;

    /// <summary>Divergence of two rows of probabilities, renormalised after flooring so that it is never negative.</summary>
    public static double OfProbabilities(ReadOnlySpan<float> reference, ReadOnlySpan<float> quantized)
    {
        double p = 0, q = 0, sum = 0;
        for (int i = 0; i < reference.Length; i++)
        {
            double pi = Math.Max(reference[i], Floor), qi = Math.Max(quantized[i], Floor);
            p += pi;
            q += qi;
            if (pi != qi)
                sum += pi * Math.Log(pi / qi);
        }

        // Σ (pi/p)·ln((pi/p)/(qi/q)) = sum/p − ln p + ln q
        return Math.Max(0, (sum / p) - Math.Log(p) + Math.Log(q));
    }

    /// <summary>Divergence of the softmaxes of two rows of logits (or log-probabilities): no exponential overflows, no floor is needed.</summary>
    public static double OfLogarithms(ReadOnlySpan<float> reference, ReadOnlySpan<float> quantized)
    {
        double p = LogSumExp(reference), q = LogSumExp(quantized), sum = 0;
        for (int i = 0; i < reference.Length; i++)
        {
            double lp = reference[i] - p, lq = quantized[i] - q;
            if (lp > double.NegativeInfinity)
                sum += Math.Exp(lp) * (lp - lq);
        }

        return Math.Max(0, sum);
    }

    /// <summary>ln Σ exp(v), shifted by the greatest value.</summary>
    public static double LogSumExp(ReadOnlySpan<float> values)
    {
        double max = double.NegativeInfinity;
        foreach (float v in values)
            max = Math.Max(max, v);
        if (!double.IsFinite(max))
            return max;
        double sum = 0;
        foreach (float v in values)
            sum += Math.Exp(v - max);
        return max + Math.Log(sum);
    }
}
