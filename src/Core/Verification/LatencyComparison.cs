using System.Diagnostics;
using QuantCluster.Data;
using QuantCluster.Inference;

namespace QuantCluster.Verification;

/// <summary>
/// Times two models run by run in turn (A B A B ...), so that whatever else the machine does meets both alike.
/// </summary>
public static class LatencyComparison
{
    /// <param name="reference">Opens the float model with the given settings.</param>
    /// <param name="quantized">Opens the quantized model.</param>
    /// <param name="sample">What every run is fed.</param>
    /// <param name="threads">Threads of a run; 0 for every core.</param>
    /// <param name="settings">How long to measure.</param>
    /// <param name="cancellation">Looked at before every run.</param>
    public static LatencyResult Measure(
        Func<SessionSettings, ModelSession> reference, Func<SessionSettings, ModelSession> quantized, Sample sample, int threads, LatencySettings settings, CancellationToken cancellation = default)
    {
        SessionSettings session = new()
        {
            Threads = threads,
            // Threads of the one model must not spin while the other runs.
            Entries = new Dictionary<string, string> { ["session.force_spinning_stop"] = "1" },
        };
        using ModelSession a = reference(session);
        using ModelSession b = quantized(session);

        TimeSpan warmUp = settings.Budget / 8;
        long started = Stopwatch.GetTimestamp();
        for (int i = 0; i < 3 || (i < 50 && Stopwatch.GetElapsedTime(started) < warmUp); i++)
        {
            cancellation.ThrowIfCancellationRequested();
            Time(a, sample);
            Time(b, sample);
        }

        List<double> timesA = [], timesB = [];
        started = Stopwatch.GetTimestamp();
        while (timesA.Count < settings.MinimumRuns || (timesA.Count < settings.MaximumRuns && Stopwatch.GetElapsedTime(started) < settings.Budget))
        {
            cancellation.ThrowIfCancellationRequested();
            timesA.Add(Time(a, sample));
            timesB.Add(Time(b, sample));
        }

        double[] ratios = [.. timesA.Zip(timesB, (x, y) => x / y).Order()];
        LatencySummary summaryA = Summarize(timesA), summaryB = Summarize(timesB);
        return new LatencyResult
        {
            Threads = threads == 0 ? Environment.ProcessorCount : threads,
            Runs = timesA.Count,
            Reference = summaryA,
            Quantized = summaryB,
            Speedup = summaryA.Median / summaryB.Median,
            PairwiseSpeedup = PairedComparison.Quantile(ratios, 0.5),
        };
    }

    private static double Time(ModelSession session, Sample sample)
    {
        long started = Stopwatch.GetTimestamp();
        using RunResult result = session.Run(sample);
        return Stopwatch.GetElapsedTime(started).TotalMilliseconds;
    }

    private static LatencySummary Summarize(List<double> times)
    {
        double[] sorted = [.. times.Order()];
        return new LatencySummary(PairedComparison.Quantile(sorted, 0.5), PairedComparison.Quantile(sorted, 0.95), sorted[0]);
    }
}
