using System.Diagnostics;
using QuantCluster.Data;
using QuantCluster.Inference;

namespace QuantCluster.Verification;

/// <summary>
/// Times two models run by run in turn (A B A B ...), so that whatever else the machine does meets both alike.
/// </summary>
internal static class LatencyComparison
{
    private const int MostStretches = 20;

    /// <summary>Times the budget that is spent at most where two models are about as fast.</summary>
    private const int Patience = 4;

    /// <param name="pair">The two models, opened alike.</param>
    /// <param name="sample">What every run is fed.</param>
    /// <param name="threads">Threads of a run they were opened with; 0 for every core.</param>
    /// <param name="settings">How long to measure.</param>
    /// <param name="isWarm">Whether they have run before, so that one run each is enough to warm up.</param>
    /// <param name="cancellation">Looked at before every run.</param>
    public static LatencyResult Measure(SessionPair pair, Sample sample, int threads, LatencySettings settings, bool isWarm, CancellationToken cancellation = default)
    {
        ModelSession a = pair.Reference, b = pair.Quantized;
        TimeSpan warmUp = settings.Budget / 8;
        long started = Stopwatch.GetTimestamp();
        for (int i = 0; i < 1 || (!isWarm && (i < 3 || (i < 50 && Stopwatch.GetElapsedTime(started) < warmUp))); i++)
        {
            cancellation.ThrowIfCancellationRequested();
            Time(a, sample);
            Time(b, sample);
        }

        List<double> timesA = [], timesB = [];
        started = Stopwatch.GetTimestamp();
        bool looked = false;
        TimeSpan budget = settings.Budget;
        while (timesA.Count < settings.MinimumRuns || (timesA.Count < settings.MaximumRuns && Stopwatch.GetElapsedTime(started) < MoreWhereClose()))
        {
            // Looked at once: who looks until it is clear finds it clear by chance.
            if (!looked && timesA.Count >= Math.Max(settings.MinimumRuns, MostStretches) && Stopwatch.GetElapsedTime(started) >= settings.Budget / 3)
            {
                looked = true;
                (double least, double most) = Interval(timesA, timesB);
                if (least > settings.Clear || most < 1 / settings.Clear)
                    break;
            }

            cancellation.ThrowIfCancellationRequested();
            timesA.Add(Time(a, sample));
            timesB.Add(Time(b, sample));
        }

        TimeSpan MoreWhereClose()
        {
            bool over = Stopwatch.GetElapsedTime(started) >= budget && timesA.Count >= settings.MinimumRuns;
            if (over && budget < Patience * settings.Budget && settings.Close > 1
                && PairedComparison.Quantile(Ratios(timesA, timesB), 0.5) is var ratio && ratio < settings.Close && ratio > 1 / settings.Close)
                budget += settings.Budget;
            return budget;
        }

        double[] ratios = Ratios(timesA, timesB);
        LatencySummary summaryA = Summarize(timesA), summaryB = Summarize(timesB);
        (double low, double high) = Interval(timesA, timesB);
        return new LatencyResult
        {
            Threads = threads == 0 ? Environment.ProcessorCount : threads,
            Runs = timesA.Count,
            Reference = summaryA,
            Quantized = summaryB,
            Speedup = summaryA.Median / summaryB.Median,
            PairwiseSpeedup = PairedComparison.Quantile(ratios, 0.5),
            SpeedupLow = low,
            SpeedupHigh = high,
        };
    }

    /// <summary>
    /// 95 % interval of the speedup: stretches of runs, the ratio of medians of each, and of these the order statistics
    /// between which their median lies. Stretches, not runs: neighbouring runs are slow together.
    /// </summary>
    internal static (double Low, double High) Interval(IReadOnlyList<double> reference, IReadOnlyList<double> quantized)
    {
        int stretches = Math.Min(MostStretches, reference.Count);
        double[] ratios = new double[stretches];
        for (int i = 0; i < stretches; i++)
        {
            int first = (int)((long)i * reference.Count / stretches), count = (int)((i + 1L) * reference.Count / stretches) - first;
            ratios[i] = MedianOf(reference, first, count) / MedianOf(quantized, first, count);
        }

        Array.Sort(ratios);
        int outside = Math.Max(0, (int)((stretches / 2.0) - (1.96 * Math.Sqrt(stretches) / 2)));
        return (ratios[outside], ratios[^(outside + 1)]);
    }

    /// <summary>Of neighbouring runs, sorted.</summary>
    private static double[] Ratios(List<double> reference, List<double> quantized)
    {
        double[] ratios = new double[reference.Count];
        for (int i = 0; i < ratios.Length; i++)
            ratios[i] = reference[i] / quantized[i];
        Array.Sort(ratios);
        return ratios;
    }

    private static double MedianOf(IReadOnlyList<double> times, int first, int count)
    {
        double[] sorted = new double[count];
        for (int i = 0; i < count; i++)
            sorted[i] = times[first + i];
        Array.Sort(sorted);
        return PairedComparison.Quantile(sorted, 0.5);
    }

    private static double Time(ModelSession session, Sample sample)
    {
        long started = Stopwatch.GetTimestamp();
        using RunResult result = session.Run(sample);
        return Stopwatch.GetElapsedTime(started).TotalMilliseconds;
    }

    private static LatencySummary Summarize(List<double> times)
    {
        double[] sorted = [.. times];
        Array.Sort(sorted);
        return new LatencySummary(PairedComparison.Quantile(sorted, 0.5), PairedComparison.Quantile(sorted, 0.95), sorted[0]);
    }
}
