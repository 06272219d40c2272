using System.Globalization;
using QuantCluster.Planning;
using QuantCluster.Search.Frontier;
using QuantCluster.Search.Guard;
using QuantCluster.Verification;

namespace QuantCluster.Jobs;

/// <summary>When a job needs a frontier, and which of its points becomes the result.</summary>
internal static class PointSelection
{
    /// <summary>Whether the user's settings ask for a frontier whatever the model turns out to be.</summary>
    public static bool IsAsked(JobSettings settings) =>
        settings.Frontier is not null || settings.MaximumLatency is not null || settings.MaximumSize is not null || settings.Speed == SpeedMode.Measured;

    /// <summary>
    /// Whether the model with every layer quantized is not good enough, so that one with fewer has to be looked for: it may
    /// be slower than float, or does not meet a gate.
    /// </summary>
    public static bool IsNeeded(JobSettings settings, VerificationResult verification) =>
        settings.Speed != SpeedMode.Ignore && (MayBeSlower(verification) || GatesOf(settings).Judge(verification).Any(v => !v.IsMet));

    /// <summary>
    /// Slower than float in the median of neighbouring runs, which were timed the longer the nearer they came to each other. No
    /// interval: it is wide on a busy machine, and what it would put in doubt there would come out otherwise on a quiet one.
    /// </summary>
    private static bool MayBeSlower(VerificationResult verification) =>
        verification.Latency.Count > 0 && verification.Latency[0] is { PairwiseSpeedup: < 1 };

    /// <summary>Slower than float by more than chance explains.</summary>
    public static bool IsSlower(VerificationResult verification) =>
        verification.Latency.Count > 0 && verification.Latency[0] is { Speedup: < 1, SpeedupHigh: < 1 };

    public static Gates GatesOf(JobSettings settings) => new() { MinimumSqnrDb = settings.MinimumSqnr, MaximumDrop = settings.MaximumDrop };

    /// <summary>How to look for a point, one way after the other until there is one; unasked, what is estimated comes before what is measured.</summary>
    public static IReadOnlyList<FrontierSettings> WaysOf(JobSettings settings)
    {
        FrontierSettings[] ways = IsAsked(settings) ? [new FrontierSettings()] : [FrontierSettings.Quick, FrontierSettings.Quick with { RanksByEstimate = false }];
        return [.. ways.Select(w => w with { Points = settings.Frontier ?? w.Points, Threads = settings.Threads > 0 ? settings.Threads : 1 })];
    }

    public static FrontierConstraints ConstraintsOf(JobSettings settings) => new()
    {
        MinimumSqnr = settings.MinimumSqnr,
        MaximumDrop = settings.MaximumDrop,
        MaximumLatency = settings.MaximumLatency,
        MaximumSize = settings.MaximumSize,
        NeverSlower = settings.Speed == SpeedMode.Measured || (settings.Speed == SpeedMode.Auto && settings.MaximumSize is null),
    };

    /// <summary>The plan with the reason why layers went back to float.</summary>
    public static QuantizationPlan Explain(QuantizationPlan plan, FrontierPoint? point, GuardOutcome? guarded)
    {
        HashSet<string> back = [.. point?.BackToFloat ?? []], kept = [.. guarded?.BackToFloat ?? []];
        return plan with
        {
            FloatLayers = [.. plan.FloatLayers.Select(l =>
                back.Contains(l.Id) ? l with { Reason = "went back to float: the model is faster or more accurate so, by measurement" }
                : kept.Contains(l.Id) ? l with { Reason = "went back to float: the task suffered more than the tolerance" }
                : l)],
        };
    }

    /// <summary>Why no point of the frontier will do.</summary>
    public static QuantException Failure(FrontierResult frontier, JobSpecification job, string report)
    {
        FrontierConstraints constraints = ConstraintsOf(job.Settings);
        FrontierPoint fastest = frontier.Points[0];
        if (constraints.NeverSlower && PointChoice.Choose(frontier, new FrontierConstraints { NeverSlower = true }) is null)
            return FloatIsBest(fastest.Latency, frontier.Measured, job, report);
        FrontierPoint nearest = PointChoice.Nearest(frontier, constraints);
        return new QuantException(ExitCode.GateNotMet, string.Create(
            CultureInfo.InvariantCulture,
            $"none of {frontier.Measured} models with some layers on integers keeps to what was asked for: the nearest ({nearest.Quantized.Count} layers on integers) {PointChoice.Broken(nearest, frontier, constraints)}. Nothing was written to {job.Output}; the report is {report}."));
    }

    public static QuantException FloatIsBest(LatencyResult fastest, int measured, JobSpecification job, string report) => new(ExitCode.FloatIsBest, string.Create(
        CultureInfo.InvariantCulture,
        $"float is best here: of {measured} models with some or all layers on integers the fastest takes {fastest.Quantized.Median:0.000} ms, the float model {fastest.Reference.Median:0.000} ms ({fastest.PairwiseSpeedup:0.00}x). Use {job.Model.Path} on this machine. Nothing was written to {job.Output}; the report is {report}. For the INT8 model all the same (for its size, or for another machine): --speed ignore."));
}
