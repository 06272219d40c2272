namespace QuantCluster.Search.Sensitivity;

/// <summary>How sensitivity is measured.</summary>
public sealed record SensitivitySettings
{
    public static SensitivitySettings Default { get; } = new();

    /// <summary>
    /// Samples a trial is judged on, at most, spread evenly over the data; 0 for as many as cost a tenth of brute force,
    /// chosen by the error they show (<see cref="WeighedSamples"/>).
    /// </summary>
    public int Samples { get; init; }

    /// <summary>Whether layers are timed as well.</summary>
    public bool Latency { get; init; }

    /// <summary>
    /// Indices of samples spread evenly among <paramref name="count"/>: one of each of equal stretches, at places that shift by the
    /// golden ratio. Every n-th sample would see only one kind where kinds take turns.
    /// </summary>
    public int[] Choose(int count) => SampleSplit.Scatter(count, Samples);
}
