namespace QuantCluster.Reporting.Plots;

/// <summary>A tensor's values (density, logarithmic) with the chosen range; what lies outside is clipped.</summary>
internal static class HistogramPlot
{
    private const double Width = 330, Height = 150, Left = 8, Right = 8, Top = 10, Bottom = 26;
    private const int Columns = 96;

    public static Markup Draw(ReportedHistogram histogram)
    {
        double low = Math.Min(histogram.Minimum, histogram.RangeLow), high = Math.Max(histogram.Maximum, histogram.RangeHigh);
        double margin = (high - low) * 0.03;
        (low, high) = high > low ? (low - margin, high + margin) : (low - 1, high + 1);
        double X(double v) => Left + ((v - low) / (high - low) * (Width - Left - Right));
        double floor = Height - Bottom;

        double[] counts = Resample(histogram.Bins, low, high);
        double tallest = Math.Log10(1 + counts.Max());
        double column = (Width - Left - Right) / Columns;
        IEnumerable<Markup> bars = counts.Select((count, i) => (count, i)).Where(c => c.count > 0).Select(c =>
        {
            double height = Math.Max(1, Math.Log10(1 + c.count) / tallest * (floor - Top));
            double left = low + ((double)c.i / Columns * (high - low)), right = low + ((c.i + 1.0) / Columns * (high - low));
            string kind = right <= histogram.RangeLow || left >= histogram.RangeHigh ? "clipped" : "q";
            return Markup.Of($"""<rect class="{kind}" x="{Left + (c.i * column)}" y="{floor - height}" width="{column * 0.92}" height="{height}"/>""");
        });
        IEnumerable<Markup> ticks = Ticks.Labelled(Ticks.Between(low, high, 6)).Select(t =>
            Markup.Of($"""<line class="grid" x1="{X(t.Value)}" x2="{X(t.Value)}" y1="{floor}" y2="{floor + 4}"/><text class="tick" x="{Math.Clamp(X(t.Value), 14, Width - 16)}" y="{floor + 16}" text-anchor="middle">{t.Label}</text>"""));

        return Markup.Of(
            $"""
            <svg class="plot" viewBox="0 0 {Width} {Height}" role="img" aria-label="values of {histogram.Tensor}, range {Quantity.Significant(histogram.RangeLow)} to {Quantity.Significant(histogram.RangeHigh)}">
            <rect class="range" x="{X(histogram.RangeLow)}" y="{Top - 4}" width="{Math.Max(1, X(histogram.RangeHigh) - X(histogram.RangeLow))}" height="{floor - Top + 4}"/>
            {Markup.Join(bars)}
            <line class="base" x1="{Left}" x2="{Width - Right}" y1="{floor}" y2="{floor}"/>
            <line class="bound" x1="{X(histogram.RangeLow)}" x2="{X(histogram.RangeLow)}" y1="{Top - 4}" y2="{floor}"/>
            <line class="bound" x1="{X(histogram.RangeHigh)}" x2="{X(histogram.RangeHigh)}" y1="{Top - 4}" y2="{floor}"/>
            {Markup.Join(ticks)}
            </svg>
            """);
    }

    /// <summary>Spreads the bins' counts over equal columns, each bin evenly over its width.</summary>
    private static double[] Resample(IReadOnlyList<ReportedBin> bins, double low, double high)
    {
        double[] counts = new double[Columns];
        double width = (high - low) / Columns;
        foreach (ReportedBin bin in bins)
        {
            double from = (bin.Low - low) / width, to = (bin.High - low) / width;
            int first = Math.Clamp((int)Math.Floor(from), 0, Columns - 1), last = Math.Clamp((int)Math.Floor(to), 0, Columns - 1);
            for (int i = first; i <= last; i++)
            {
                double overlap = Math.Min(to, i + 1) - Math.Max(from, i);
                double share = first == last || to <= from ? 1 : Math.Max(0, overlap) / (to - from);
                counts[i] += bin.Count * share;
            }
        }

        return counts;
    }
}
