namespace QuantCluster.Search.Frontier;

/// <summary>How thoroughly a frontier is made.</summary>
public sealed record FrontierSettings
{
    /// <summary>Points, at most.</summary>
    public int Points { get; init; } = 8;

    /// <summary>Sets of layers of one ranking that are judged, at most.</summary>
    public int SetsARanking { get; init; } = 12;

    /// <summary>Samples that sets of layers are judged on, at most.</summary>
    public int SearchSamples { get; init; } = 32;

    /// <summary>Held-back samples that points are judged on, at most.</summary>
    public int ValidationSamples { get; init; } = 64;

    /// <summary>Threads of a timed run.</summary>
    public int Threads { get; init; } = 1;

    /// <summary>Time to measure a model for.</summary>
    public TimeSpan Timing { get; init; } = TimeSpan.FromSeconds(1.5);

    /// <summary>Less of everything: to find what pays on this machine, not to draw a picture.</summary>
    public static FrontierSettings Quick { get; } = new() { Points = 5, SetsARanking = 8, SearchSamples = 16, ValidationSamples = 32, Timing = TimeSpan.FromSeconds(0.3) };

    /// <summary>
    /// What is not held back by the corrections searches, what is validates; both spread over the whole set.
    /// </summary>
    public (int[] Search, int[] Validation) Split(int count)
    {
        int[] validation = [.. Enumerable.Range(0, count).Where(SampleSplit.IsHeldBack)];
        int[] search = [.. Enumerable.Range(0, count).Except(validation)];

        // Of a handful nothing can be held back.
        return validation.Length < 2 || search.Length < 2
            ? ([.. Enumerable.Range(0, count)], [.. Enumerable.Range(0, count)])
            : (Choose(search, SearchSamples), Choose(validation, ValidationSamples));
    }

    private static int[] Choose(int[] indices, int most) =>
        [.. new Sensitivity.SensitivitySettings { Samples = most }.Choose(indices.Length).Select(i => indices[i])];
}
