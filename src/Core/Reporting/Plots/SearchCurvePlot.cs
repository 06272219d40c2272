namespace QuantCluster.Reporting.Plots;

/// <summary>Error against the number of layers on integers, one line an order, on a logarithmic axis.</summary>
internal static class SearchCurvePlot
{
    private const double Width = 1040, Height = 320, Left = 64, Right = 190, Top = 20, Bottom = 40;

    /// <summary>Colours that differ in lightness too.</summary>
    private static readonly string[] Colours = ["#0969da", "#bc4c00", "#1a7f37", "#8250df", "#bf3989", "#57606a", "#9a6700", "#0a7d91"];

    public static Markup Draw(IReadOnlyList<ReportedCurve> curves)
    {
        ReportedCurveStep[] steps = [.. curves.SelectMany(c => c.Steps)];
        double[] positive = [.. steps.Select(s => s.Error).Where(e => e > 0)];
        double low = Math.Floor(Math.Log10(positive.DefaultIfEmpty(1e-3).Min())), high = Math.Ceiling(Math.Log10(positive.DefaultIfEmpty(1).Max()));
        if (high <= low)
            high = low + 1;
        int most = steps.Max(s => s.Quantized);
        double X(double quantized) => Left + (quantized / Math.Max(1, most) * (Width - Left - Right));
        double Y(double error) => Top + ((high - Math.Clamp(Math.Log10(Math.Max(error, double.Epsilon)), low, high)) / (high - low) * (Height - Top - Bottom));

        IEnumerable<Markup> up = Enumerable.Range((int)low, (int)(high - low) + 1).Select(e => Math.Pow(10, e)).Select(t => Markup.Of(
            $"""<line class="grid" x1="{Left}" x2="{Width - Right}" y1="{Y(t)}" y2="{Y(t)}"/><text class="tick" x="{Left - 8}" y="{Y(t) + 4}" text-anchor="end">{Quantity.Significant(t)}</text>"""));
        IEnumerable<Markup> across = Ticks.Labelled(Ticks.Between(0, most, 8)).Select(t => Markup.Of(
            $"""<text class="tick" x="{X(t.Value)}" y="{Height - Bottom + 18}" text-anchor="middle">{t.Label}</text>"""));
        IEnumerable<Markup> lines = curves.Select((c, i) =>
        {
            string colour = Colours[i % Colours.Length];
            string path = string.Concat(c.Steps.Select((s, k) => Markup.Of($"{(k == 0 ? "M" : "L")}{X(s.Quantized)} {Y(s.Error)}").Text));
            double label = Top + 8 + (i * 19);
            IEnumerable<Markup> dots = c.Steps.Select(s => Markup.Of(
                $"""<circle class="hit" data-tip="{$"{c.Order}: {s.Quantized} layers on integers, error {Quantity.Significant(s.Error)} ± {Quantity.Significant(s.StandardError)}"}" cx="{X(s.Quantized)}" cy="{Y(s.Error)}" r="3.5" fill="{colour}"/>"""));
            return Markup.Of(
                $"""<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.6"/>{Markup.Join(dots)}<rect x="{Width - Right + 14}" y="{label - 9}" width="11" height="11" rx="3" fill="{colour}"/><text class="tick" x="{Width - Right + 31}" y="{label}">{c.Order}</text>""");
        });
        return Markup.Of(
            $"""
            <svg class="plot" viewBox="0 0 {Width} {Height}" role="img" aria-label="error against the number of layers on integers, {curves.Count} orders">
            {Markup.Join(up)}
            {Markup.Join(across)}
            {Markup.Join(lines, "\n")}
            <text class="axis" x="{(Left + Width - Right) / 2}" y="{Height - 6}" text-anchor="middle">layers on integers</text>
            </svg>
            """);
    }
}
