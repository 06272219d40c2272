using QuantCluster.Onnx;

namespace QuantCluster.Corrections;

/// <summary>SmoothQuant's factors: channel j is divided by s_j = max|X_j|^a / max|W_j|^(1−a).</summary>
internal static class SmoothingFactors
{
    /// <returns>What each channel is multiplied by, 1/s_j; their geometric mean is 1, since only ratios matter.</returns>
    /// <param name="exponent">a: 1 makes the tensor's channels equally large, 0 those of the weights that read it.</param>
    public static float[] Of(OnnxModel prepared, ScalableTensor tensor, ChannelMagnitudes inputs, double exponent)
    {
        float[] values = [.. Enumerable.Range(0, tensor.Channels).Select(inputs.Of)];
        float[] weights = tensor.Takers.Count > 0 ? tensor.Magnitudes(prepared, tensor.Takers) : [.. values.Select(_ => 1f)];
        foreach (IGrouping<int, int> copies in Enumerable.Range(0, tensor.Channels).GroupBy(c => tensor.Sources[c]))
        {
            float value = copies.Max(c => values[c]), weight = copies.Max(c => weights[c]);
            foreach (int c in copies)
                (values[c], weights[c]) = (value, weight);
        }

        // A channel that is always zero, or that nobody uses, is as good as the least of the others.
        float leastValue = values.Where(v => v > 0).DefaultIfEmpty(1).Min(), leastWeight = weights.Where(w => w > 0).DefaultIfEmpty(1).Min();
        float[] factors = new float[tensor.Channels];
        for (int c = 0; c < factors.Length; c++)
            factors[c] = (float)(Math.Pow(Math.Max(weights[c], leastWeight), 1 - exponent) / Math.Pow(Math.Max(values[c], leastValue), exponent));
        double mean = Math.Exp(factors.Average(f => Math.Log(f)));
        return [.. factors.Select(f => (float)(f / mean))];
    }
}
