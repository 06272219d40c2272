using System.Numerics.Tensors;

namespace QuantCluster.Verification.Metrics;

/// <summary>
/// How often both models choose the same class, in percent: argmax over the classes of the first float output,
/// at every position. Needs no labels.
/// </summary>
public sealed class TopOneAgreement : IErrorMetric
{
    public string Name => "agreement";

    public string Title => "top-1 agreement";

    public string Unit => "%";

    public int Terms => 2;

    public void Add(OutputPair pair, Span<double> terms)
    {
        if (!pair.IsPrimary || pair.Reference.Classes < 2)
            return;
        int agreed = 0, positions = pair.Reference.Positions;
        for (int i = 0; i < positions; i++)
        {
            ReadOnlySpan<float> quantized = pair.Quantized.Row(i);
            int choice = TensorPrimitives.IndexOfMax(quantized);
            // IndexOfMax points at NaN where there is one: a NaN chooses nothing.
            if (choice == TensorPrimitives.IndexOfMax(pair.Reference.Row(i)) && !float.IsNaN(quantized[choice]))
                agreed++;
        }

        terms[0] += agreed;
        terms[1] += positions;
    }

    public double? Value(ReadOnlySpan<double> terms) => terms[1] > 0 ? 100 * terms[0] / terms[1] : null;
}
