namespace QuantCluster.Search.Guard;

/// <summary>
/// What a candidate's task suffers, in percent, as far as samples tell that it was not made on. Of a language model the drop of
/// its log-likelihood is expected to be the KL divergence of its distributions from the float model's, since
/// E[ln p − ln q] under p is that divergence; relative to the entropy of p, which is E[−ln p]. Where the data say what is
/// true, it is measured as well.
/// </summary>
/// <param name="Expected">Percent of the float model's entropy; null where the output is no distribution for each token of an input.</param>
/// <param name="Measured">What the task metric falls, in its own unit (percent, or percentage points); null where the data do not say what is true.</param>
public sealed record TaskDrop(MeanError? Expected, MeanError? Measured)
{
    private const double Percent = 100;

    /// <summary>A drop below this many of its standard errors may be chance.</summary>
    private const double Chance = 2;

    /// <summary>
    /// Of a tolerance, what the divergence may take: data are not quite what the model expects them to be, and on those of
    /// the stories anchor the drop was up to twice the divergence.
    /// </summary>
    private const double Share = 0.5;

    /// <param name="samples">The errors of every output, sample by sample.</param>
    internal static TaskDrop Of(IReadOnlyList<SampleError[]> samples)
    {
        double entropy = samples.Count == 0 ? 0 : samples.Average(s => s.Sum(o => o.Entropy));
        return new TaskDrop(
            entropy > 0 ? MeanError.Of([.. samples.Select(s => Percent * s.Where(o => o.Entropy > 0).Sum(o => o.Divergence) / entropy)]) : null,
            samples.Count > 1 && samples.All(s => s.Length > 0 && s[0].TaskLoss is not null) ? MeanError.Of([.. samples.Select(s => s[0].TaskLoss!.Value)]) : null);
    }

    /// <summary>Whether no drop by more than <paramref name="tolerance"/> percent is expected, nor measured beyond chance.</summary>
    public bool IsWithin(double tolerance) =>
        !(Expected is { } expected && expected.Mean > tolerance * Share)
        && !(Measured is { } measured && measured.Mean > tolerance && measured.Mean > Chance * measured.StandardError);

    /// <summary>The greater of what is known, in percent.</summary>
    public double Mean => Math.Max(Expected?.Mean ?? double.NegativeInfinity, Measured?.Mean ?? double.NegativeInfinity);
}
