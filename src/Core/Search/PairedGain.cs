namespace QuantCluster.Search;

/// <summary>Whether a candidate is better than another over the same samples, and not by chance.</summary>
/// <param name="Mean">Mean of (old error − new error); positive is better.</param>
/// <param name="StandardError">Standard error of that mean.</param>
public readonly record struct PairedGain(double Mean, double StandardError)
{
    public static PairedGain Of(ReadOnlySpan<double> before, ReadOnlySpan<double> after)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(after.Length, before.Length);
        double mean = 0;
        for (int i = 0; i < before.Length; i++)
            mean += (before[i] - after[i]) / before.Length;
        if (before.Length < 2)
            return new PairedGain(mean, Math.Abs(mean));
        double squares = 0;
        for (int i = 0; i < before.Length; i++)
        {
            double deviation = before[i] - after[i] - mean;
            squares += deviation * deviation;
        }

        return new PairedGain(mean, Math.Sqrt(squares / (before.Length - 1) / before.Length));
    }

    /// <summary>Whether the mean gain exceeds <paramref name="standardErrors"/> standard errors.</summary>
    public bool IsSignificant(double standardErrors) => Mean > standardErrors * StandardError && Mean > 0;
}
