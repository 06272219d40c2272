using QuantCluster.Verification;

namespace QuantCluster.Reporting.Plots;

/// <summary>Median latency of both models as bars, a thin line up to the 95th percentile.</summary>
internal static class LatencyPlot
{
    private const double Width = 1040, Left = 150, Right = 230, Row = 24, Group = 76;

    public static Markup Draw(IReadOnlyList<LatencyResult> latency)
    {
        double height = (Group * latency.Count) + 4;
        double longest = latency.SelectMany(l => new[] { l.Reference.P95, l.Quantized.P95 }).Max();
        double Length(double ms) => ms / longest * (Width - Left - Right);

        IEnumerable<Markup> groups = latency.Select((l, i) =>
        {
            double y = 8 + (Group * i);
            return Markup.Of(
                $"""
                <text class="label" x="0" y="{y + 29}">{(l.Threads == 1 ? "1 thread" : $"{l.Threads} threads")}</text>
                {Bar("f", "FP32", l.Reference, y)}
                {Bar("q", "INT8", l.Quantized, y + Row + 4)}
                <text class="big" x="{Width}" y="{y + 25}" text-anchor="end">{Quantity.Times(l.Speedup)}</text>
                <text class="tick" x="{Width}" y="{y + 43}" text-anchor="end">{(l.Speedup >= 1 ? "faster" : "slower")} · {Quantity.Count(l.Runs)} runs each</text>
                """);
        });
        return Markup.Of(
            $"""
            <svg class="plot" viewBox="0 0 {Width} {height}" role="img" aria-label="latency of FP32 and INT8">
            {Markup.Join(groups, "\n")}
            </svg>
            """);

        Markup Bar(string kind, string name, LatencySummary times, double y)
        {
            double end = Left + Length(times.Median), p95 = Left + Length(times.P95);
            string tip = $"{name}\nmedian {Quantity.Milliseconds(times.Median)}\n95th percentile {Quantity.Milliseconds(times.P95)}\nfastest {Quantity.Milliseconds(times.Minimum)}";
            return Markup.Of(
                $"""
                <g class="hit" data-tip="{tip}"><text class="tick" x="{Left - 10}" y="{y + 16}" text-anchor="end">{name}</text><rect class="{kind}" x="{Left}" y="{y}" width="{end - Left}" height="{Row}" rx="3"/><path class="whisker" d="M{end} {y + (Row / 2)}H{p95}M{p95} {y + 6}v{Row - 12}"/><text class="value" x="{p95 + 9}" y="{y + 17}">{Quantity.Milliseconds(times.Median)}</text></g>
                """);
        }
    }
}
