using QuantCluster.Reporting.Plots;

namespace QuantCluster.Reporting.Page;

/// <summary>Histograms of the quantized tensors with their ranges; the noisiest first, the rest folded away.</summary>
internal static class RangeSection
{
    private const int Shown = 9;

    public static Markup Write(Report report)
    {
        if (report.Histograms.Count == 0)
            return Markup.Empty;
        ProfileLookup profile = new(report.Verification.Profile);

        // A stable sort: tensors that were not profiled stay in graph order behind the others.
        List<ReportedHistogram> ordered = [.. report.Histograms.OrderBy(h => profile.OfTensor(h.Tensor) ?? double.PositiveInfinity)];
        Markup rest = ordered.Count <= Shown ? Markup.Empty : Markup.Of(
            $"""<details><summary>The other {ordered.Count - Shown}</summary><div class="grid3">{Markup.Join(ordered.Skip(Shown).Select(h => Figure(h, profile)))}</div></details>""");
        return Markup.Of(
            $"""
            <section>
            <h2>Ranges</h2>
            <p class="note">The values each tensor took on the calibration data (heights are logarithmic) and the range its integers cover. What lies outside is clipped. {(ordered.Count > Shown ? "The tensors furthest from float come first." : "")}</p>
            <p class="legend"><span><i class="q"></i>inside the range</span><span><i class="clipped"></i>clipped</span></p>
            <div class="grid3">
            {Markup.Join(ordered.Take(Shown).Select(h => Figure(h, profile)), "\n")}
            </div>
            {rest}
            </section>
            """);
    }

    private static Markup Figure(ReportedHistogram h, ProfileLookup profile)
    {
        string error = profile.OfTensor(h.Tensor) is { } db ? $" · {Quantity.Decibels(db)}" : "";
        Markup clipped = h.Clipped > 0 ? Markup.Of($""" · <span class="clip">{Share(h.Clipped)} clipped</span>""") : Markup.Empty;
        string tip = $"{h.Tensor}\nseen {Quantity.Significant(h.Minimum)} to {Quantity.Significant(h.Maximum)}\nrange {Quantity.Significant(h.RangeLow)} to {Quantity.Significant(h.RangeHigh)}\nscale {Quantity.Significant(h.Scale)} · zero point {h.ZeroPoint}";
        return Markup.Of(
            $"""
            <figure data-tip="{tip}"><figcaption><b>{h.Tensor}</b><span>{h.Type} · {h.Method}{error}</span>{clipped}</figcaption>{HistogramPlot.Draw(h)}</figure>
            """);
    }

    private static string Share(double share) => share < 1e-4
        ? $"{Quantity.Significant(share * 1e6)}\u202Fppm"
        : $"{Quantity.Significant(share * 100)}\u202F%";
}
