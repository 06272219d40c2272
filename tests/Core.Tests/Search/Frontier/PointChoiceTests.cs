using QuantCluster.Search.Frontier;
using QuantCluster.Verification;

namespace QuantCluster.Tests.Search.Frontier;

public class PointChoiceTests
{
    internal static readonly FrontierPoint[] Points =
    [
        Point(1, speedup: 2.0, error: 0.10, megabytes: 1),
        Point(2, speedup: 1.99, error: 0.05, megabytes: 1.1),
        Point(3, speedup: 1.5, error: 0.01, megabytes: 2),
        Point(4, speedup: 0.9, error: 0.001, megabytes: 3),
    ];

    private static readonly FrontierResult _frontier = Of(Points);

    [Fact]
    public void Unasked_the_fastest_is_chosen_and_of_those_about_as_fast_the_most_accurate() =>
        Assert.Equal(2, PointChoice.Choose(_frontier, new FrontierConstraints())!.Number);

    [Fact]
    public void Ranked_by_an_estimate_a_measured_time_only_excludes_what_is_slower_than_float()
    {
        FrontierPoint[] points = [.. Points.Select((p, i) => p with { IsRankedByEstimate = true, PredictedRelative = 0.4 + (0.1 * i) })];
        FrontierPoint? Chosen(params double[] speedups) => PointChoice.Choose(
            Of([.. points.Zip(speedups, (p, s) => p with { Latency = p.Latency with { Speedup = s, PairwiseSpeedup = s, SpeedupLow = s - 0.02, SpeedupHigh = s + 0.02 } })]),
            new FrontierConstraints { NeverSlower = true });
        Assert.Equal(1, Chosen(1.2, 1.4, 1.1, 1.3)!.Number);
        Assert.Equal(1, Chosen(1.3, 1.1, 1.4, 1.2)!.Number);
        Assert.Equal(2, Chosen(0.9, 1.1, 1.4, 1.2)!.Number);
        Assert.Null(Chosen(0.9, 0.8, 0.7, 0.9));
    }

    [Fact]
    public void Within_a_time_or_a_size_the_most_accurate_is_chosen()
    {
        Assert.Equal(3, PointChoice.Choose(_frontier, new FrontierConstraints { MaximumLatency = new Limit(7, false) })!.Number);
        Assert.Equal(3, PointChoice.Choose(_frontier, new FrontierConstraints { MaximumLatency = new Limit(0.7, true) })!.Number);
        Assert.Equal(2, PointChoice.Choose(_frontier, new FrontierConstraints { MaximumSize = new Limit(1.5e6, false) })!.Number);
        Assert.Equal(4, PointChoice.Choose(_frontier, new FrontierConstraints { MaximumSize = new Limit(0.9, true) })!.Number);
        Assert.Equal(3, PointChoice.Choose(_frontier, new FrontierConstraints { MaximumSize = new Limit(0.9, true), NeverSlower = true })!.Number);
    }

    [Fact]
    public void Accuracy_that_is_asked_for_gets_the_fastest_that_has_it()
    {
        Assert.Equal(3, PointChoice.Choose(_frontier, new FrontierConstraints { MinimumSqnr = 20 })!.Number);
        Assert.Equal(3, PointChoice.Choose(_frontier, new FrontierConstraints { MaximumDrop = 0.2 })!.Number);
    }

    [Fact]
    public void Where_no_point_will_do_none_is_chosen_and_the_reason_has_figures()
    {
        FrontierConstraints constraints = new() { MaximumLatency = new Limit(1, false) };
        Assert.Null(PointChoice.Choose(_frontier, constraints));
        Assert.Equal("takes 5 ms; at most 1 ms are allowed", PointChoice.Broken(_frontier.Points[0], _frontier, constraints));
        Assert.Equal("is slower than float (0.90x)", PointChoice.Broken(_frontier.Points[3], _frontier, new FrontierConstraints { NeverSlower = true }));
    }

    [Fact]
    public void Where_no_point_will_do_the_nearest_is_named_by_what_cannot_be_kept()
    {
        int Nearest(FrontierConstraints constraints) => PointChoice.Nearest(_frontier, constraints).Number;
        Assert.Equal(1, Nearest(new FrontierConstraints { MaximumSize = new Limit(1000, false) }));
        Assert.Equal(2, Nearest(new FrontierConstraints { MaximumSize = new Limit(2.5e6, false), MaximumLatency = new Limit(5.1, false), MinimumSqnr = 90 }));
        Assert.Equal(3, Nearest(new FrontierConstraints { NeverSlower = true, MinimumSqnr = 90 }));
        Assert.Equal(4, Nearest(new FrontierConstraints { MinimumSqnr = 90 }));
    }

    [Theory]
    [InlineData("50%", 0.5, true)]
    [InlineData("2.5MB", 2.5e6, false)]
    [InlineData("800 kb", 8e5, false)]
    [InlineData("1200", 1200, false)]
    public void Limits_are_amounts_or_shares(string text, double value, bool share) =>
        Assert.Equal(new Limit(value, share), Limit.Parse(text, "GB", "MB", "kB", "B"));

    [Theory]
    [InlineData("fast")]
    [InlineData("-3")]
    [InlineData("0")]
    [InlineData("3ms")]
    [InlineData("%")]
    public void Other_limits_are_refused(string text) => Assert.Null(Limit.Parse(text, "GB", "MB", "kB", "B"));

    [Fact]
    public void Milliseconds_may_be_given_in_seconds_and_microseconds()
    {
        Assert.Equal(new Limit(2000, false), Limit.Parse("2s", "ms", "us", "s"));
        Assert.Equal(new Limit(0.5, false), Limit.Parse("500us", "ms", "us", "s"));
        Assert.Equal(new Limit(3, false), Limit.Parse("3ms", "ms", "us", "s"));
    }

    internal static FrontierResult Of(params FrontierPoint[] points) => new()
    {
        Model = "/models/m.onnx",
        ModelSha256 = "ab",
        ReferenceBytes = 4_000_000,
        Measure = "kl",
        SearchSamples = [0, 2],
        ValidationSamples = [1],
        Processor = "a CPU",
        Candidates = 9,
        Measured = 5,
        PredictionError = 0.03,
        Sensitivity = [],
        Points = points,
    };

    /// <summary>A point whose float model takes 10 ms.</summary>
    internal static FrontierPoint Point(int number, double speedup, double error, double megabytes) => new()
    {
        Number = number,
        Origin = $"ranking, {number} float",
        Quantized = ["a", "b"],
        BackToFloat = ["c"],
        Error = error,
        ErrorStandardError = error / 10,
        SqnrDb = -10 * Math.Log10(error),
        Agreement = 100 - (error * 10),
        Bytes = (long)(megabytes * 1e6),
        PredictedRelative = 1 / speedup,
        Latency = new LatencyResult
        {
            Threads = 1,
            Runs = 100,
            Reference = new LatencySummary(10, 11, 9),
            Quantized = new LatencySummary(10 / speedup, 11, 1),
            Speedup = speedup,
            PairwiseSpeedup = speedup,
            SpeedupLow = speedup * 0.99,
            SpeedupHigh = speedup * 1.01,
        },
        Model = $"{number}",
        Plan = "p",
        Configuration = "c",
        Ranges = "r",
    };
}
