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

    /// <summary>
    /// Whether points are ranked by the time that is estimated (<see cref="TimeEstimate"/>), and what is measured only says which of them
    /// are slower than float: then the result does not follow the noise of a measurement.
    /// </summary>
    public bool RanksByEstimate { get; init; }

    /// <summary>Less of everything: to find what pays, not to draw a picture.</summary>
    public static FrontierSettings Quick { get; } = new() { RanksByEstimate = true, Points = 5, SetsARanking = 8, SearchSamples = 16, ValidationSamples = 32, Timing = TimeSpan.FromSeconds(0.3) };

    /// <summary>Some of the samples that choose, and some of those that judge (<see cref="Search.SampleSplit"/>).</summary>
    public (int[] Search, int[] Validation) Split(int count)
    {
        SampleSplit all = SampleSplit.Of(count, int.MaxValue);
        return (Some(all.Search, SearchSamples), Some(all.Validation, ValidationSamples));
    }

    private static int[] Some(int[] indices, int most) => [.. SampleSplit.Scatter(indices.Length, most).Select(i => indices[i])];
}
