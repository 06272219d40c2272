namespace QuantCluster.Reporting.Page;

/// <summary>How the model came about: rewrites, settings, time, machine.</summary>
internal static class BackgroundSection
{
    public static Markup Write(Report report)
    {
        List<Markup> blocks = [];
        if (report.Rewrites.Count > 0)
        {
            blocks.Add(Block("Rewrites before quantization", Markup.Join(report.Rewrites.Select(r => Markup.Of(
                $"""<tr><td>{r.Name}</td><td class="num">{Quantity.Count(r.Count)}×</td><td class="why">{(r.IsKept ? "" : "taken back")}{(r.IsKept || r.Note.Length == 0 ? "" : ": ")}{r.Note}</td></tr>""")))));
        }

        if (report.Stages.Count > 0)
        {
            double longest = Math.Max(1e-9, report.Stages.Max(s => s.Seconds));
            IEnumerable<Markup> rows = report.Stages.Select(s => Markup.Of(
                $"""<tr><td>{s.Name}</td><td class="num">{Quantity.Seconds(s.Seconds)}</td><td class="bar"><i class="q" style="width:{100 * s.Seconds / longest}%"></i></td></tr>"""));
            blocks.Add(Block("Time", Markup.Of($"""{Markup.Join(rows)}<tr><td>together</td><td class="num">{Quantity.Seconds(report.Stages.Sum(s => s.Seconds))}</td><td></td></tr>""")));
        }

        if (report.Settings.Count > 0)
            blocks.Add(Block("Settings", Facts(report.Settings)));
        if (report.Environment.Count > 0)
            blocks.Add(Block("Measured on", Facts(report.Environment)));
        return blocks.Count == 0 ? Markup.Empty : Markup.Of($"""<section class="columns">{Markup.Join(blocks)}</section>""");
    }

    private static Markup Facts(IReadOnlyList<ReportedFact> facts) =>
        Markup.Join(facts.Select(f => Markup.Of($"""<tr><td class="op">{f.Name}</td><td>{f.Value}</td></tr>""")));

    private static Markup Block(string title, Markup rows) =>
        Markup.Of($"""<div><h2>{title}</h2><table><tbody>{rows}</tbody></table></div>""");
}
