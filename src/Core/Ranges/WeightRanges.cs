using QuantCluster.Numerics;

namespace QuantCluster.Ranges;

/// <summary>Scales of weights: symmetric (zero point 0), per channel or per tensor.</summary>
public static class WeightRanges
{
    // A weight's range is cut to at least half: below, clipping always costs more than it gains at 4 bits and up.
    private const int Candidates = 50;
    private const int FineCandidates = 15;

    /// <summary>
    /// One scale for each index of <paramref name="axis"/>, or a single one for the whole tensor:
    /// max|w| / qmax (127 for INT8), or the scale of least squared error.
    /// </summary>
    /// <param name="weights">Row-major.</param>
    /// <param name="shape">Its dimensions.</param>
    /// <param name="axis">The channel axis, from 0; −1 for one scale per tensor.</param>
    /// <param name="type">A signed type.</param>
    /// <param name="minimizeError">Whether to search for the clipping of least squared error; never worse than none.</param>
    public static float[] Scales(ReadOnlySpan<float> weights, IReadOnlyList<long> shape, int axis, IntegerType type, bool minimizeError = false)
    {
        if (axis < 0)
            return [Scale(weights, type, minimizeError)];
        int channels = checked((int)shape[axis]);
        int inner = 1;
        for (int i = axis + 1; i < shape.Count; i++)
            inner = checked(inner * (int)shape[i]);
        float[] scales = new float[channels];
        if (weights.Length == 0)
        {
            Array.Fill(scales, 1f);
            return scales;
        }

        int outer = weights.Length / (channels * inner);
        float[] gathered = new float[outer * inner];
        for (int c = 0; c < channels; c++)
        {
            for (int o = 0; o < outer; o++)
                weights.Slice(((o * channels) + c) * inner, inner).CopyTo(gathered.AsSpan(o * inner));
            scales[c] = Scale(gathered, type, minimizeError);
        }

        return scales;
    }

    private static float Scale(ReadOnlySpan<float> weights, IntegerType type, bool minimizeError)
    {
        float magnitude = 0;
        foreach (float weight in weights)
            magnitude = Math.Max(magnitude, Math.Abs(weight));
        AffineMapping best = Mapping(magnitude, type);
        if (!minimizeError || magnitude == 0)
            return best.Scale;
        double least = SquaredError(weights, best);
        for (int i = 1; i <= Candidates + FineCandidates; i++)
        {
            // A hundredth is more than a step of INT8: what a few weights gain by lies within the first.
            double clipped = i <= Candidates ? 0.5 * i / Candidates : 0.5 / Candidates * (i - Candidates) / (FineCandidates + 1);
            AffineMapping mapping = Mapping(magnitude * (1 - clipped), type);
            double error = SquaredError(weights, mapping);
            if (error < least)
                (best, least) = (mapping, error);
        }

        return best.Scale;
    }

    private static AffineMapping Mapping(double magnitude, IntegerType type) =>
        AffineMapping.FromRange(new RealRange(-magnitude, magnitude), type, symmetric: true);

    // Clamped to [-qmax, qmax]: the odd negative integer stays unused.
    private static double SquaredError(ReadOnlySpan<float> weights, AffineMapping mapping)
    {
        float limit = mapping.Type.Maximum(), scale = mapping.Scale;
        double sum = 0;
        foreach (float weight in weights)
        {
            double error = weight - (Math.Clamp(MathF.Round(weight / scale), -limit, limit) * scale);
            sum += error * error;
        }

        return sum;
    }
}
