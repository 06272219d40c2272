using System.Numerics.Tensors;

namespace QuantCluster.Verification.Metrics;

/// <summary>The largest |ref − q| of any element of any output, in the output's own unit.</summary>
public sealed class MaximumAbsoluteError : IErrorMetric
{
    public string Name => "max_abs_error";

    public string Title => "largest error";

    public string Unit => "";

    public int Terms => 1;

    public void Add(OutputPair pair, Span<double> terms)
    {
        ReadOnlySpan<float> reference = pair.Reference.Values, quantized = pair.Quantized.Values;
        float largest = 0;
        Span<float> differences = stackalloc float[512];
        for (int at = 0; at < reference.Length; at += differences.Length)
        {
            Span<float> part = differences[..Math.Min(differences.Length, reference.Length - at)];
            TensorPrimitives.Subtract(reference.Slice(at, part.Length), quantized.Slice(at, part.Length), part);
            float worst = Math.Abs(TensorPrimitives.MaxMagnitude(part));
            largest = Math.Max(largest, float.IsNaN(worst) ? WorstOfOdd(reference.Slice(at, part.Length), quantized.Slice(at, part.Length)) : worst);
        }

        terms[0] = Math.Max(terms[0], largest);
    }

    public void Merge(ReadOnlySpan<double> block, Span<double> total) => total[0] = Math.Max(total[0], block[0]);

    public double? Value(ReadOnlySpan<double> terms) => terms[0];

    /// <summary>∞ − ∞ is NaN, but no error when both models say so.</summary>
    private static float WorstOfOdd(ReadOnlySpan<float> reference, ReadOnlySpan<float> quantized)
    {
        float worst = 0;
        for (int i = 0; i < reference.Length; i++)
        {
            float difference = reference[i].Equals(quantized[i]) ? 0 : Math.Abs(reference[i] - quantized[i]);
            worst = Math.Max(worst, float.IsNaN(difference) ? float.PositiveInfinity : difference);
        }

        return worst;
    }
}
