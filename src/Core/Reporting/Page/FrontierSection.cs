using QuantCluster.Reporting.Plots;
using QuantCluster.Search.Frontier;

namespace QuantCluster.Reporting.Page;

/// <summary>Models between fastest and most accurate, and what each layer costs.</summary>
internal static class FrontierSection
{
    public static Markup Write(Report report) => report.Frontier is { } frontier
        ? Markup.Of($"{Points(frontier)}\n{Layers(report)}")
        : Layers(report);

    private static Markup Points(FrontierResult frontier)
    {
        IEnumerable<Markup> rows = frontier.Points.Select(p => Markup.Of(
            $"""<tr><td><span class="rank">{p.Number}</span></td><td class="num">{Quantity.Times(p.Latency.PairwiseSpeedup)}</td><td class="num">{Quantity.Significant(p.Error)} ± {Quantity.Significant(p.ErrorStandardError)}</td><td class="num">{(p.SqnrDb is { } sqnr ? Quantity.Decibels(sqnr) : "")}</td><td class="num">{(p.Agreement is { } same ? Quantity.Percent(same) : "")}</td><td class="num">{Quantity.Bytes(p.Bytes)}</td><td class="num">{p.Quantized.Count} of {p.Quantized.Count + p.BackToFloat.Count}</td><td class="why">{p.Origin}</td></tr>"""));
        return Markup.Of(
            $"""
            <section>
            <h2>Accuracy against time against size</h2>
            <p class="note">Models with some of the layers back in float, none better than another in everything: error on {frontier.ValidationSamples.Count} calibration samples held back, time measured in turn with the float model. <code>quant pick JOB N --out OUT.onnx</code> writes one.</p>
            <div class="card">{FrontierPlot.Draw(frontier)}</div>
            <div class="card scroll">
            <table><thead><tr><th></th><th class="num">Speed</th><th class="num">Error</th><th class="num">SQNR</th><th class="num">Same prediction</th><th class="num">Size</th><th class="num">On integers</th><th>How it came about</th></tr></thead>
            <tbody>{Markup.Join(rows, "\n")}</tbody></table>
            </div>
            </section>
            """);
    }

    private static Markup Layers(Report report) => report.Sensitivity.Count == 0 ? Markup.Empty : Markup.Of(
        $"""
        <section>
        <h2>What each layer costs</h2>
        <p class="note">The error of the whole model with one layer on integers, and what it loses when that layer alone goes back to float, on calibration samples. The two need not agree: errors cancel.</p>
        <div class="card">{SensitivityPlot.Draw("sensitivity", report.Sensitivity)}</div>
        </section>
        """);
}
