using QuantCluster.Reporting.Page;

namespace QuantCluster.Reporting;

/// <summary>
/// The report as one HTML file that needs nothing else: styles, plots (inline SVG) and the few lines of script are in it.
/// The same report gives the same bytes.
/// </summary>
public static class HtmlReport
{
    public static string Render(Report report) => Markup.Of(
        $"""
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>{report.Title} · INT8 report</title>
        <style>
        {Resource("report.css")}</style>
        </head>
        <body>
        <main>
        {Headline.Write(report)}
        {ErrorSection.Write(report)}
        {LatencySection.Write(report)}
        {SearchSection.Write(report)}
        {FrontierSection.Write(report)}
        {RangeSection.Write(report)}
        {LayerSection.Write(report)}
        {BackgroundSection.Write(report)}
        <footer>Made by <code>quant</code>. SQNR = 10·log₁₀(Σ ref² / Σ (ref − q)²), over all outputs and samples. Both models ran in ONNX Runtime at its default optimization level.</footer>
        </main>
        <div id="tip" role="tooltip"></div>
        <script>
        {Resource("report.js")}</script>
        </body>
        </html>

        """).Text;

    private static Markup Resource(string name)
    {
        using Stream stream = typeof(HtmlReport).Assembly.GetManifestResourceStream($"Reporting/{name}")
            ?? throw new InvalidOperationException($"the resource {name} is missing from the assembly");
        using StreamReader reader = new(stream);
        return new Markup(reader.ReadToEnd().ReplaceLineEndings("\n"));
    }
}
