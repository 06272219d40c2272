using QuantCluster.Reporting.Plots;

namespace QuantCluster.Reporting.Page;

/// <summary>What the search tried, what it chose, and whether that holds on samples that did not choose it.</summary>
internal static class SearchSection
{
    public static Markup Write(Report report)
    {
        if (report.Search is not { } search)
            return Markup.Empty;
        string ended = search.IsComplete ? "to its own end" : "to the end of its budget";
        return Markup.Of(
            $"""
            <section>
            <h2>Search</h2>
            <p class="note">{Quantity.Count(search.Trials)} candidates were run as whole models ({search.Effort}, objective {search.Objective}, {ended}). Along each order layers were quantized one after the other under the error already there; samples that had no part in it chose among all that was found. The winner came from: {search.Origin}.</p>
            {(search.Curves.Count == 0 ? Markup.Empty : Markup.Of($"""<div class="card">{SearchCurvePlot.Draw(search.Curves)}</div>{Spread(search)}"""))}
            <div class="columns">{Errors(search)}{Choices(search)}</div>
            </section>
            """);
    }

    private static Markup Spread(ReportedSearch search) => search.Spread is not { } spread ? Markup.Empty : Markup.Of(
        $"""<p class="note">With every layer on integers: best order {spread.Best.Order} {Quantity.Significant(spread.Best.Steps[^1].Error)}, median {Quantity.Significant(spread.Median)}, worst order {spread.Worst.Order} {Quantity.Significant(spread.Worst.Steps[^1].Error)} (± {Quantity.Significant(spread.Worst.Steps[^1].StandardError)}).</p>""");

    private static Markup Errors(ReportedSearch search)
    {
        IEnumerable<Markup> rows = search.Errors.Select(e => Markup.Of(
            $"""<tr><td>{e.Name}</td><td class="num">{Quantity.Significant(e.Search)}</td><td class="num">{Quantity.Significant(e.Validation)}</td><td class="num">{(e.Evaluation is { } v ? Quantity.Significant(v) : "")}</td></tr>"""));
        return Markup.Of(
            $"""
            <div><h2>Does it hold?</h2><p class="note">An error that is small only where it was made small is luck. Gain over the start on held-back samples: {Quantity.Significant(search.Gain)} ± {Quantity.Significant(search.GainStandardError)}.</p><table><thead><tr><th></th><th class="num">search</th><th class="num">validation</th><th class="num">evaluation</th></tr></thead><tbody>{Markup.Join(rows)}</tbody></table></div>
            """);
    }

    private static Markup Choices(ReportedSearch search)
    {
        IEnumerable<Markup> layers = search.Layers.Select(l => Markup.Of($"""<tr><td>{l.Layer}</td><td>{l.Precision}</td></tr>"""));
        IEnumerable<Markup> ranges = search.Ranges.Select(r => Markup.Of($"""<tr><td>{r.Name}</td><td>range {r.Value}</td></tr>"""));
        Markup rows = Markup.Join(layers.Concat(ranges));
        return rows.Text.Length == 0
            ? Markup.Of($"""<div><h2>What differs</h2><p class="note">Nothing: every layer on integers, every range the default.</p></div>""")
            : Markup.Of($"""<div><h2>What differs</h2><p class="note">From every layer on integers with default ranges.</p><table><tbody>{rows}</tbody></table></div>""");
    }
}
