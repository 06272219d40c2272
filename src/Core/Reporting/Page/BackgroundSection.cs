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

        if (report.Corrections.Count > 0)
            blocks.Add(Corrections(report.Corrections));

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

    /// <summary>The last that was kept is what was emitted.</summary>
    private static Markup Corrections(IReadOnlyList<ReportedCorrection> corrections)
    {
        int last = corrections.Index().Last(c => c.Item.IsKept).Index;
        Markup taken = Markup.Of($""" <span class="chip">taken</span>""");
        double greatest = Math.Max(double.Epsilon, corrections.Max(c => c.Error));
        IEnumerable<Markup> rows = corrections.Select((c, i) => Markup.Of(
            $"""<tr><td>{c.Name}{(i == last ? taken : Markup.Empty)}</td><td class="num">{Quantity.Significant(c.Error)}</td><td class="bar"><i class="{(i == last ? "q" : "f")}" style="width:{100 * c.Error / greatest}%"></i></td></tr>"""));
        return Markup.Of(
            $"""
            <div><h2>Corrections</h2><p class="note">Error of the whole model on calibration samples held back for judging; smaller is better. A stretch of layers is corrected only where it gains more than chance would.</p><table><tbody>{Markup.Join(rows)}</tbody></table></div>
            """);
    }

    private static Markup Facts(IReadOnlyList<ReportedFact> facts) =>
        Markup.Join(facts.Select(f => Markup.Of($"""<tr><td class="op">{f.Name}</td><td>{f.Value}</td></tr>""")));

    private static Markup Block(string title, Markup rows) =>
        Markup.Of($"""<div><h2>{title}</h2><table><tbody>{rows}</tbody></table></div>""");
}
