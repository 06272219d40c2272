namespace QuantCluster.Search.Objectives;

/// <summary>
/// Squared error relative to the output's mean energy over the samples: its mean is 10^(−SQNR/10). Summed over outputs.
/// </summary>
internal sealed class Sqnr : IObjective
{
    public string Name => "sqnr";

    public double[] Errors(IReadOnlyList<SampleError[]> samples) => RelativeSquares(samples, _ => true);

    internal static double[] RelativeSquares(IReadOnlyList<SampleError[]> samples, Func<SampleError, bool> takes)
    {
        double[] errors = new double[samples.Count];
        int outputs = samples.Count == 0 ? 0 : samples[0].Length;
        for (int o = 0; o < outputs; o++)
        {
            if (!takes(samples[0][o]))
                continue;

            // Where the float model always answers zero there is no energy to relate to.
            double energy = samples.Sum(p => p[o].Energy), mean = energy > 0 ? energy / errors.Length : 1;
            for (int s = 0; s < errors.Length; s++)
                errors[s] += samples[s][o].Squared / mean;
        }

        return errors;
    }
}
