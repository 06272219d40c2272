using QuantCluster.Search.Sensitivity;

namespace QuantCluster.Reporting.Plots;

/// <summary>
/// What each layer costs, the costliest first: alone on integers, and what leaving it float takes off. Its styles are its own: it
/// is shown in documents, too.
/// </summary>
internal static class SensitivityPlot
{
    private const double Width = 760, Left = 220, Right = 110, Top = 62, Row = 20, Bottom = 14;

    /// <summary>Layers drawn: beyond these bars are too short to see.</summary>
    private const int Most = 40;

    private const int LongestName = 30;

    private const string Style =
        ".sensitivity text{font:12px system-ui,sans-serif;fill:#57606a}.sensitivity .title{font-size:15px;font-weight:600;fill:#1f2328}.sensitivity .name{fill:#1f2328}"
        + ".sensitivity .only{fill:#0969da}.sensitivity .relief{fill:#1a7f37}.sensitivity .cancels{fill:#bc4c00}.sensitivity .error{stroke:#1f2328;stroke-width:1;opacity:.6}";

    /// <param name="title">What the layers are of.</param>
    /// <param name="layers">In any order.</param>
    public static Markup Draw(string title, IReadOnlyList<LayerSensitivity> layers)
    {
        LayerSensitivity[] shown = [.. layers.OrderByDescending(l => l.OnlyThis).Take(Most)];
        double most = shown.SelectMany(l => new[] { l.OnlyThis + l.OnlyThisStandardError, Math.Abs(l.Relief) }).Where(double.IsFinite).DefaultIfEmpty(0).Max();
        double Length(double value) => most > 0 && double.IsFinite(value) ? Math.Max(0.5, Math.Abs(value) / most * (Width - Left - Right)) : 0.5;

        IEnumerable<Markup> rows = shown.Select((l, i) =>
        {
            double y = Top + (i * Row), only = Length(l.OnlyThis), error = Length(l.OnlyThisStandardError);
            string name = l.Node.Length > LongestName ? "…" + l.Node[^LongestName..] : l.Node;
            return Markup.Of(
                $"""<g><title>{l.Node} ({l.OpType}): only this {Quantity.Significant(l.OnlyThis)} ± {Quantity.Significant(l.OnlyThisStandardError)}, gains {Quantity.Significant(l.Relief)} ± {Quantity.Significant(l.ReliefStandardError)}</title><text class="name" x="{Left - 8}" y="{y + 13}" text-anchor="end">{name}</text><rect class="only" x="{Left}" y="{y + 2}" width="{only}" height="9"/><line class="error" x1="{Left + Math.Max(0, only - error)}" x2="{Left + only + error}" y1="{y + 6.5}" y2="{y + 6.5}"/><rect class="{(l.Relief < 0 ? "cancels" : "relief")}" x="{Left}" y="{y + 12}" width="{Length(l.Relief)}" height="4"/><text x="{Left + Math.Max(only + error, Length(l.Relief)) + 6}" y="{y + 12}">{Quantity.Significant(l.OnlyThis)}</text></g>""");
        });
        double height = Top + (shown.Length * Row) + Bottom;
        string rest = layers.Count > Most ? $" The other {layers.Count - Most} cost less." : "";
        return Markup.Of(
            $"""
            <svg class="sensitivity" viewBox="0 0 {Width} {height}" role="img" aria-label="sensitivity of {shown.Length} layers">
            <style>{new Markup(Style)}</style>
            <rect width="{Width}" height="{height}" fill="#fff"/>
            <text class="title" x="12" y="22">{title}</text>
            <text x="12" y="42">Blue: error with only this layer on integers. Green: what leaving it float takes off; orange: what it adds, as errors cancel.{rest}</text>
            {Markup.Join(rows, "\n")}
            </svg>
            """);
    }
}
