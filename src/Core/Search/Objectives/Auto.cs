namespace QuantCluster.Search.Objectives;

/// <summary>
/// KL divergence where an output is a distribution, squared error relative to the output's mean energy elsewhere: logits'
/// squares mislead where constant positions dominate, a saturated softmax's where a few flips do.
/// </summary>
internal sealed class Auto : IObjective
{
    public string Name => "auto";

    public double[] Errors(IReadOnlyList<SampleError[]> samples)
    {
        double[] errors = Sqnr.RelativeSquares(samples, o => !o.IsDistribution);
        for (int s = 0; s < errors.Length; s++)
            errors[s] += samples[s].Where(o => o.IsDistribution).Sum(o => o.Divergence);
        return errors;
    }
}
