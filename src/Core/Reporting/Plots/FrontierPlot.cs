using QuantCluster.Search.Frontier;

namespace QuantCluster.Reporting.Plots;

/// <summary>
/// Points of a frontier by time and error, their area by size, the float model as a line at its time. Its styles are its own: it is
/// shown in documents, too.
/// </summary>
internal static class FrontierPlot
{
    private const double Width = 760, Height = 440, Left = 92, Right = 24, Top = 54, Bottom = 62;
    private const double Largest = 15;

    private const string Style =
        ".frontier text{font:12px system-ui,sans-serif;fill:#57606a}.frontier .title{font-size:15px;font-weight:600;fill:#1f2328}.frontier .number{font-size:11px;font-weight:600;fill:#fff}"
        + ".frontier .grid{stroke:#d8dee4;stroke-width:1}.frontier .float{stroke:#bc4c00;stroke-width:1.5;stroke-dasharray:5 4}.frontier .floatlabel{fill:#bc4c00}"
        + ".frontier .front{fill:none;stroke:#0969da;stroke-width:1.5;opacity:.45}.frontier .point{fill:#0969da;fill-opacity:.85;stroke:#fff;stroke-width:1.5}.frontier .error{stroke:#0969da;stroke-width:1;opacity:.6}";

    public static Markup Draw(FrontierResult frontier)
    {
        FrontierPoint[] points = [.. frontier.Points];
        double slowest = Math.Max(1, points.Max(p => p.MeasuredRelative)), fastest = points.Min(p => p.MeasuredRelative);
        double low = Math.Max(0, fastest - ((slowest - fastest) * 0.15) - 0.02), high = slowest + ((slowest - fastest) * 0.06) + 0.02;
        double X(double relative) => Left + ((relative - low) / (high - low) * (Width - Left - Right));

        double Floor(double error) => Math.Max(error, 1e-9);
        double least = Math.Log10(Floor(points.Min(p => p.Error))), most = Math.Log10(Floor(points.Max(p => p.Error)));
        double margin = Math.Max(0.15, (most - least) * 0.12);
        (least, most) = (least - margin, most + margin);
        double Y(double error) => Top + ((most - Math.Clamp(Math.Log10(Floor(error)), least, most)) / (most - least) * (Height - Top - Bottom));

        IEnumerable<Markup> across = Ticks.Labelled(Ticks.Between(low, high, 7)).Where(t => t.Value > low && t.Value < high).Select(t => Markup.Of(
            $"""<line class="grid" x1="{X(t.Value)}" x2="{X(t.Value)}" y1="{Top}" y2="{Height - Bottom}"/><text x="{X(t.Value)}" y="{Height - Bottom + 18}" text-anchor="middle">{t.Label}</text>"""));
        IEnumerable<Markup> up = Decades(least, most).Select(e => Markup.Of(
            $"""<line class="grid" x1="{Left}" x2="{Width - Right}" y1="{Y(e)}" y2="{Y(e)}"/><text x="{Left - 8}" y="{Y(e) + 4}" text-anchor="end">{Quantity.Significant(e)}</text>"""));

        string path = string.Concat(points.OrderBy(p => p.MeasuredRelative).Select((p, i) => Markup.Of($"{(i == 0 ? "M" : "L")}{X(p.MeasuredRelative)} {Y(p.Error)}").Text));
        IEnumerable<Markup> dots = points.Select(p =>
        {
            double x = X(p.MeasuredRelative), y = Y(p.Error), radius = Math.Max(8, Largest * Math.Sqrt((double)p.Bytes / frontier.ReferenceBytes));
            string tip = $"point {p.Number}: {Quantity.Times(p.Latency.PairwiseSpeedup)} the speed of float, {Quantity.Bytes(p.Bytes)}, error {Quantity.Significant(p.Error)}{(p.SqnrDb is { } s ? $", {Quantity.Decibels(s)}" : "")}; {p.Quantized.Count} layers on integers ({p.Origin})";
            return Markup.Of(
                $"""<g><title>{tip}</title><line class="error" x1="{x}" x2="{x}" y1="{Y(p.Error + p.ErrorStandardError)}" y2="{Y(Math.Max(p.Error - p.ErrorStandardError, p.Error / 10))}"/><circle class="point" cx="{x}" cy="{y}" r="{radius}"/><text class="number" x="{x}" y="{y + 4}" text-anchor="middle">{p.Number}</text></g>""");
        });
        string measure = frontier.Measure switch { "kl" => "KL divergence, nats", "relative-squared" => "squared error / energy", _ => "KL divergence + squared error / energy" };
        return Markup.Of(
            $"""
            <svg class="frontier" viewBox="0 0 {Width} {Height}" role="img" aria-label="error and time of {points.Length} models">
            <style>{new Markup(Style)}</style>
            <rect width="{Width}" height="{Height}" fill="#fff"/>
            <text class="title" x="{Left}" y="22">{Path.GetFileName(frontier.Model)}: error against time</text>
            <text x="{Left}" y="40">held-back samples; area: size; {frontier.Processor}</text>
            {Markup.Join(across)}
            {Markup.Join(up)}
            <line class="float" x1="{X(1)}" x2="{X(1)}" y1="{Top}" y2="{Height - Bottom}"/>
            <text class="floatlabel" x="{X(1) - 6}" y="{Top + 14}" text-anchor="end">float, {Quantity.Bytes(frontier.ReferenceBytes)}</text>
            <path class="front" fill="none" d="{path}"/>
            {Markup.Join(dots, "\n")}
            <text x="{(Left + Width - Right) / 2}" y="{Height - 20}" text-anchor="middle">time of a run, as a share of the float model's</text>
            <text x="18" y="{(Top + Height - Bottom) / 2}" text-anchor="middle" transform="rotate(-90 18 {(Top + Height - Bottom) / 2})">error: {measure}</text>
            </svg>
            """);
    }

    /// <summary>1, 2 and 5 times the powers of ten between two logarithms; powers alone where there are many.</summary>
    private static IEnumerable<double> Decades(double low, double high)
    {
        double[] steps = high - low > 2.5 ? [1] : [1, 2, 5];
        for (int power = (int)Math.Floor(low); power <= (int)Math.Ceiling(high); power++)
        {
            foreach (double step in steps)
            {
                double value = step * Math.Pow(10, power);
                if (Math.Log10(value) >= low && Math.Log10(value) <= high)
                    yield return value;
            }
        }
    }
}
