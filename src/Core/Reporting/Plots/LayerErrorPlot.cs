using QuantCluster.Verification;

namespace QuantCluster.Reporting.Plots;

/// <summary>SQNR of every tensor in graph order as bars; the tensors where most is lost are numbered.</summary>
internal static class LayerErrorPlot
{
    private const double Width = 1040, Height = 300, Left = 44, Right = 8, Top = 26, Bottom = 34;

    /// <summary>How many losses get a number.</summary>
    public const int Marked = 5;

    /// <summary>The tensors where most dB are lost against their inputs, the greatest loss first.</summary>
    public static IReadOnlyList<TensorError> GreatestLosses(IReadOnlyList<TensorError> profile) =>
        [.. profile.Where(t => t.DropDb > 0.5).OrderByDescending(t => t.DropDb).Take(Marked)];

    public static Markup Draw(IReadOnlyList<TensorError> profile)
    {
        double greatest = profile.Where(t => double.IsFinite(t.SqnrDb)).Select(t => t.SqnrDb).DefaultIfEmpty(0).Max();
        double least = Math.Min(0, profile.Where(t => double.IsFinite(t.SqnrDb)).Select(t => t.SqnrDb).DefaultIfEmpty(0).Min());
        IReadOnlyList<double> ticks = Ticks.Between(Math.Floor(least / 10) * 10, Math.Max(10, Math.Ceiling(greatest / 10) * 10), 6);
        double low = ticks[0], high = ticks[^1];
        double Y(double v) => Top + ((high - Math.Clamp(v, low, high)) / (high - low) * (Height - Top - Bottom));
        double pitch = (Width - Left - Right) / profile.Count;
        double bar = Math.Clamp(pitch * 0.72, 1, 26);
        double X(int i) => Left + (pitch * (i + 0.5));

        IEnumerable<Markup> grid = ticks.Select(t => Markup.Of(
            $"""<line class="grid" x1="{Left}" x2="{Width - Right}" y1="{Y(t)}" y2="{Y(t)}"/><text class="tick" x="{Left - 8}" y="{Y(t) + 4}" text-anchor="end">{Quantity.Fixed(t, 0)}</text>"""));

        IEnumerable<Markup> bars = profile.Select((t, i) =>
        {
            double top = Y(t.SqnrDb), zero = Y(Math.Max(0, low));
            string kind = t.IsQuantized ? "q" : "f";
            string tip = $"{t.Tensor}\n{t.Op} · {(t.IsQuantized ? "stored in integers" : "stored in float")}\nSQNR {Quantity.Decibels(t.SqnrDb)}{(t.DropDb is { } d ? $" · {Quantity.Signed(-d, 1)} dB against its inputs" : "")}";
            return Markup.Of(
                $"""<g class="hit" data-tip="{tip}"><rect class="hover" x="{X(i) - (pitch / 2)}" y="{Top}" width="{pitch}" height="{Height - Top - Bottom}"/><rect class="{kind}" x="{X(i) - (bar / 2)}" y="{Math.Min(top, zero)}" width="{bar}" height="{Math.Max(1, Math.Abs(zero - top))}" rx="{Math.Min(2, bar / 4)}"/></g>""");
        });

        // A mark stands above every bar it would cover, its foot on the bar it means.
        int reach = (int)((9 + (bar / 2)) / pitch);
        List<TensorError> order = [.. profile];
        IEnumerable<Markup> marks = GreatestLosses(profile).Select((loss, rank) =>
        {
            int i = order.IndexOf(loss);
            double covered = order.Skip(Math.Max(0, i - reach)).Take((2 * reach) + 1).Max(t => Math.Clamp(t.SqnrDb, low, high));
            double y = Math.Max(Top - 10, Y(covered) - 14);
            return Markup.Of($"""<g class="mark"><line x1="{X(i)}" x2="{X(i)}" y1="{y}" y2="{Y(loss.SqnrDb)}"/><circle cx="{X(i)}" cy="{y}" r="8.5"/><text x="{X(i)}" y="{y + 4}" text-anchor="middle">{rank + 1}</text></g>""");
        });

        return Markup.Of(
            $"""
            <svg class="plot" viewBox="0 0 {Width} {Height}" role="img" aria-label="SQNR of {profile.Count} tensors in graph order">
            <text class="axis" x="{Left - 8}" y="12" text-anchor="end">dB</text>
            {Markup.Join(grid)}
            {Markup.Join(bars, "\n")}
            {Markup.Join(marks)}
            <text class="axis" x="{Left}" y="{Height - 10}">input</text>
            <text class="axis" x="{Width / 2}" y="{Height - 10}" text-anchor="middle">{Quantity.Count(profile.Count)} tensors in graph order</text>
            <text class="axis" x="{Width - Right}" y="{Height - 10}" text-anchor="end">output</text>
            </svg>
            """);
    }
}
