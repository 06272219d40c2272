using System.Globalization;

namespace QuantCluster.Search.Frontier;

/// <summary>What the chosen point must keep to; null members are not asked for.</summary>
public sealed record FrontierConstraints
{
    /// <summary>Least SQNR on the held-back samples, dB.</summary>
    public double? MinimumSqnr { get; init; }

    /// <summary>
    /// Greatest drop of the task metric. Held-back samples have no labels, so a point keeps to it when no more of its
    /// predictions than that, in percent, differ from the float model's.
    /// </summary>
    public double? MaximumDrop { get; init; }

    /// <summary>Greatest median time of a run: milliseconds, or a share of the float model's.</summary>
    public Limit? MaximumLatency { get; init; }

    /// <summary>Greatest size: bytes, or a share of the float model's.</summary>
    public Limit? MaximumSize { get; init; }

    /// <summary>Whether a point must not be slower than the float model, beyond noise.</summary>
    public bool NeverSlower { get; init; }

    /// <summary>Whether it is accuracy that is asked for: then the fastest point is chosen, else the most accurate.</summary>
    public bool AsksForAccuracyOnly => MaximumLatency is null && MaximumSize is null;
}

/// <summary>Which point of a frontier keeps to constraints best.</summary>
public static class PointChoice
{
    /// <summary>Times closer than this are the same.</summary>
    private const double Tie = 0.02;

    /// <summary>A median gain that an interval widened by a busy machine does not call in question.</summary>
    private const double Clear = 0.05;

    /// <summary>
    /// Of the points that keep to everything: the most accurate where time or size is limited, else the fastest, and of
    /// those about as fast the most accurate.
    /// </summary>
    /// <returns>Null where no point keeps to everything.</returns>
    public static FrontierPoint? Choose(FrontierResult frontier, FrontierConstraints constraints)
    {
        FrontierPoint[] kept = [.. frontier.Points.Where(p => Broken(p, frontier, constraints) is null)];
        if (kept.Length == 0)
            return null;
        if (!constraints.AsksForAccuracyOnly)
            return kept.MinBy(p => p.Error);
        double fastest = kept.Min(p => p.Cost.Latency);
        return kept.Where(p => p.Cost.Latency <= fastest * (1 + Tie)).MinBy(p => p.Error);
    }

    /// <summary>
    /// What comes nearest where no point keeps to everything: the smallest where none is small enough, else the fastest where
    /// none of the small ones is fast enough, else the most accurate of those that are both.
    /// </summary>
    public static FrontierPoint Nearest(FrontierResult frontier, FrontierConstraints constraints)
    {
        FrontierPoint[] left = [.. frontier.Points];
        foreach ((FrontierConstraints limit, Func<FrontierPoint, double> measure) in new (FrontierConstraints, Func<FrontierPoint, double>)[]
        {
            (new() { MaximumSize = constraints.MaximumSize }, p => p.Bytes),
            (new() { MaximumLatency = constraints.MaximumLatency, NeverSlower = constraints.NeverSlower }, p => p.MeasuredRelative),
        })
        {
            FrontierPoint[] kept = [.. left.Where(p => Broken(p, frontier, limit) is null)];
            if (kept.Length == 0)
                return left.MinBy(measure)!;
            left = kept;
        }

        return left.MinBy(p => p.Error)!;
    }

    /// <summary>The first constraint that a point breaks, in words; null where it keeps to all.</summary>
    public static string? Broken(FrontierPoint point, FrontierResult frontier, FrontierConstraints constraints)
    {
        if (constraints.MaximumLatency is { } latency && point.Latency.Quantized.Median > latency.Of(point.Latency.Reference.Median))
            return Format($"takes {point.Latency.Quantized.Median:0.###} ms; at most {latency.Of(point.Latency.Reference.Median):0.###} ms are allowed");
        if (constraints.MaximumSize is { } size && point.Bytes > size.Of(frontier.ReferenceBytes))
            return Format($"has {Size(point.Bytes)}; at most {Size(size.Of(frontier.ReferenceBytes))} are allowed");
        if (constraints.NeverSlower && (point.Latency.PairwiseSpeedup < 1 || point.Latency is { PairwiseSpeedup: < 1 + Clear, SpeedupLow: < 1 - Tie }))
            return Format($"is slower than float ({point.Latency.PairwiseSpeedup:0.00}x)");
        if (constraints.MinimumSqnr is { } minimum && point.SqnrDb < minimum)
            return Format($"has {point.SqnrDb:0.00} dB; at least {minimum:0.##} dB are asked for");
        if (constraints.MaximumDrop is { } drop && point.Agreement is { } agreement && 100 - agreement > Math.Max(0, drop))
            return Format($"answers otherwise than float in {100 - agreement:0.00} %; a drop of at most {drop:0.##} is allowed");
        return null;
    }

    private static string Size(double bytes) => Format(bytes < 1e6 ? (FormattableString)$"{bytes / 1e3:0.0} kB" : $"{bytes / 1e6:0.000} MB");

    private static string Format(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
