using QuantCluster.Reporting.Plots;
using QuantCluster.Verification;

namespace QuantCluster.Reporting.Page;

/// <summary>Latency bars.</summary>
internal static class LatencySection
{
    public static Markup Write(Report report)
    {
        IReadOnlyList<LatencyResult> latency = report.Verification.Latency;
        if (latency.Count == 0)
            return Markup.Empty;
        string pairwise = string.Join(", ", latency.Select(l => $"{Quantity.Times(l.PairwiseSpeedup)} at {l.Threads}"));
        return Markup.Of(
            $"""
            <section>
            <h2>Latency</h2>
            <p class="note">One sample at a time, the two models in turn run by run, so that whatever else the machine was doing met both. Bars are medians, the thin line ends at the 95th percentile. Median ratio of neighbouring runs: {pairwise}{(latency.Count > 1 ? " threads" : " thread")}.</p>
            <div class="card">{LatencyPlot.Draw(latency)}</div>
            </section>
            """);
    }
}
