using System.Numerics;
using QuantCluster.Numerics;

namespace QuantCluster.Corrections;

/// <summary>One way to scale a tensor's channels and to map the result to integers.</summary>
/// <param name="Exponent">Of <see cref="SmoothingFactors"/>; null for no scaling.</param>
/// <param name="Margin">Of the range; null for the range the tensor had.</param>
/// <param name="Factors">What channels are multiplied by.</param>
/// <param name="Mapping">Of the scaled tensor.</param>
/// <param name="Weights">What a channel's squared error costs at the outputs of the layers that read it: Σ_o W_oj², in the tensor's own units.</param>
/// <param name="WeightError">Expected squared error at those outputs, a row, that rounding the layers' weights causes.</param>
internal sealed record SmoothingCandidate(double? Exponent, double? Margin, float[] Factors, AffineMapping Mapping, float[] Weights, double WeightError)
{
    /// <summary>Squared error at the layers' outputs that rounding and cutting these values causes.</summary>
    /// <param name="values">Of the tensor as it is, row-major.</param>
    /// <param name="behind">Elements that follow each other in a channel.</param>
    public double Error(ReadOnlySpan<float> values, int behind)
    {
        int low = Mapping.Type == IntegerType.UInt8 ? 0 : -128;
        double total = 0;
        if (behind == 1)
        {
            for (int row = 0; row < values.Length; row += Factors.Length)
                total += RowError(values.Slice(row, Factors.Length), low);
            return total;
        }

        for (int line = 0; line * behind < values.Length; line++)
        {
            int channel = line % Factors.Length;
            float sum = 0, factor = Factors[channel];
            foreach (float value in values.Slice(line * behind, behind))
            {
                float difference = (Mapped(value * factor, low) / factor) - value;
                sum += difference * difference;
            }

            total += sum * Weights[channel];
        }

        return total;
    }

    private float RowError(ReadOnlySpan<float> row, int low)
    {
        Vector<float> scale = new(Mapping.Scale), zero = new(Mapping.ZeroPoint), least = new(low), most = new(low + 255), sums = Vector<float>.Zero;
        int i = 0;
        for (; i <= row.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            Vector<float> value = new(row[i..]), factor = new(Factors.AsSpan(i));
            Vector<float> step = Vector.Min(Vector.Max(Vector.Round(value * factor / scale) + zero, least), most);
            Vector<float> difference = ((step - zero) * scale / factor) - value;
            sums += difference * difference * new Vector<float>(Weights.AsSpan(i));
        }

        float sum = Vector.Sum(sums);
        for (; i < row.Length; i++)
        {
            float difference = (Mapped(row[i] * Factors[i], low) / Factors[i]) - row[i];
            sum += difference * difference * Weights[i];
        }

        return sum;
    }

    private float Mapped(float value, int low) => (Math.Clamp(MathF.Round(value / Mapping.Scale) + Mapping.ZeroPoint, low, low + 255) - Mapping.ZeroPoint) * Mapping.Scale;
}
