namespace QuantCluster.Search;

/// <summary>The mean of errors over samples.</summary>
/// <param name="Mean">Mean error a sample (<see cref="WholeModelError"/>).</param>
/// <param name="StandardError">Standard error of the mean; 0 for a single sample, of which nothing is known.</param>
public readonly record struct MeanError(double Mean, double StandardError)
{
    public static MeanError Of(IReadOnlyList<double> errors)
    {
        double mean = errors.Average();
        double squares = errors.Sum(e => (e - mean) * (e - mean));
        return new MeanError(mean, errors.Count < 2 ? 0 : Math.Sqrt(squares / (errors.Count - 1) / errors.Count));
    }
}
