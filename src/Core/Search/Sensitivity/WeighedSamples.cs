namespace QuantCluster.Search.Sensitivity;

/// <summary>
/// Samples that stand for many. A mean error is made by the few samples that show much of it: those are chosen more often, and
/// weigh less in turn, so that the mean is that of all (Hansen and Hurwitz 1943, "On the Theory of Sampling from Finite
/// Populations").
/// </summary>
/// <param name="Indices">The chosen samples, ascending; one may be there more than once.</param>
/// <param name="Weights">What each counts for; the weighted errors' plain mean is the mean over all.</param>
public sealed record WeighedSamples(IReadOnlyList<int> Indices, IReadOnlyList<double> Weights)
{
    /// <summary>How much of a sample's chance does not depend on its error: a layer may err where the whole does not.</summary>
    private const double Even = 0.5;

    /// <summary>All alike.</summary>
    public static WeighedSamples Alike(IReadOnlyList<int> indices) => new(indices, [.. indices.Select(_ => 1.0)]);

    /// <summary>Chooses by the error that a first look found; the same for the same errors.</summary>
    /// <param name="samples">Indices to choose from.</param>
    /// <param name="errors">The error of each, with every layer quantized.</param>
    /// <param name="count">How many to choose.</param>
    public static WeighedSamples ByError(IReadOnlyList<int> samples, IReadOnlyList<double> errors, int count)
    {
        double mean = errors.Average();
        if (count >= samples.Count || !(mean > 0) || !double.IsFinite(mean))
            return Alike([.. SampleSplit.Scatter(samples.Count, count).Select(i => samples[i])]);

        // Sorted by error and walked with equal steps, so that small and great errors are both met.
        double[] chances = [.. errors.Select(e => Even + ((1 - Even) * e / mean))];
        double step = chances.Sum() / count, end = step / 2, sum = 0;
        List<(int Index, double Weight)> chosen = [];
        foreach (int i in Enumerable.Range(0, samples.Count).OrderBy(i => errors[i]))
        {
            sum += chances[i];
            for (; sum > end && chosen.Count < count; end += step)
                chosen.Add((samples[i], 1 / chances[i]));
        }

        chosen.Sort();
        return new WeighedSamples([.. chosen.Select(c => c.Index)], [.. chosen.Select(c => c.Weight)]);
    }

    /// <summary>How many samples each layer may be measured on so that all layers, and the first look, cost a tenth of two trials a layer on every sample.</summary>
    public static int Affordable(int layers, int samples)
    {
        double runs = 0.1 * ((2 * layers) + 1) * samples;
        return Math.Min(samples, Math.Clamp((int)((runs - samples) / Math.Max(1, layers)), 8, 64));
    }

    /// <summary>Errors of the chosen samples, weighted.</summary>
    public double[] Apply(IReadOnlyList<double> errors) => [.. errors.Select((e, i) => e * Weights[i])];
}
