namespace QuantCluster.Search;

/// <summary>How far one output of a candidate is from the float model's, for one sample.</summary>
/// <param name="Divergence">KL divergence in nats a position where the output is a distribution, else 0.</param>
/// <param name="Squared">Sum of squared differences where it is none, else 0.</param>
/// <param name="Energy">Sum of the float model's squared values where it is none, else 0.</param>
internal readonly record struct SampleError(double Divergence, double Squared, double Energy)
{
    /// <summary>One error for each sample, from those of each of its outputs.</summary>
    public static double[] Combine(IReadOnlyList<SampleError[]> samples)
    {
        double[] errors = [.. samples.Select(p => p.Sum(o => o.Divergence))];
        int outputs = samples.Count == 0 ? 0 : samples[0].Length;
        for (int o = 0; o < outputs; o++)
        {
            // Where the float model always answers zero there is no energy to relate to.
            double energy = samples.Sum(p => p[o].Energy), mean = energy > 0 ? energy / errors.Length : 1;
            for (int s = 0; s < errors.Length; s++)
                errors[s] += samples[s][o].Squared / mean;
        }

        return errors;
    }
}
