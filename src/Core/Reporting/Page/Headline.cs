using QuantCluster.Verification;

namespace QuantCluster.Reporting.Page;

/// <summary>Title, the verdict in a sentence, and the figures that matter most.</summary>
internal static class Headline
{
    public static Markup Write(Report report)
    {
        VerificationResult v = report.Verification;
        return Markup.Of(
            $"""
            <header>
            <p class="eyebrow">INT8 against FP32</p>
            <h1>{report.Title}</h1>
            <p class="lede">{Verdict(v)}</p>
            <p class="files">{report.QuantizedName} against {report.ReferenceName} · {Quantity.Count(v.Samples)} samples</p>
            {Markup.Join(report.Warnings.Select(w => Markup.Of($"""<p class="callout">{w}</p>""")))}
            {Markup.Join(report.Gates.Select(g => Markup.Of($"""<p class="callout {(g.IsMet ? "met" : "missed")}">{(g.IsMet ? "Gate met" : "Gate not met")}: {g.Message}.</p>""")))}
            </header>
            <section class="tiles" aria-label="headline figures">
            {Markup.Join(Tiles(v), "\n")}
            </section>
            """);
    }

    /// <summary>A sentence a person would say.</summary>
    private static Markup Verdict(VerificationResult v)
    {
        double smaller = (double)v.ReferenceBytes / v.QuantizedBytes;
        List<Markup> parts = [smaller >= 1 ? Markup.Of($"<b>{Quantity.Times(smaller)}</b> smaller") : Markup.Of($"<b>{Quantity.Times(1 / smaller)}</b> larger")];
        if (v.Latency.Count > 0)
        {
            double speedup = v.Latency[0].Speedup;
            parts.Add(speedup >= 1 ? Markup.Of($"<b>{Quantity.Times(speedup)}</b> faster") : Markup.Of($"<b>{Quantity.Times(1 / speedup)}</b> slower"));
        }

        Markup sentence = Markup.Of($"The quantized model is {Markup.Join(parts, " and ")}.");
        if (v.Error("agreement") is { } agreement)
            sentence = Markup.Of($"{sentence} It gives the same answer as the float model <b>{Quantity.Percent(agreement)}</b> of the time.");
        if (v.Task is { } task)
        {
            string difference = task.Drop == 0 ? "no difference"
                : task.IsSignificant ? "more than chance" : "a difference that may be chance";
            sentence = Markup.Of($"{sentence} {Capital(task.Title)}: <b>{Quantity.Measure(task.Quantized, task.Unit)}</b>, in float {Quantity.Measure(task.Reference, task.Unit)}, {difference}.");
        }

        return sentence;
    }

    private static string Capital(string title) => char.ToUpperInvariant(title[0]) + title[1..];

    private static IEnumerable<Markup> Tiles(VerificationResult v)
    {
        if (v.Task is { } task)
        {
            string p = task.PValue is { } value ? $", p\u00A0{(value < 0.001 ? "<\u00A00.001" : "=\u00A0" + Quantity.Fixed(value, 2))}" : "";
            string drop = task.DropUnit == "points" ? $"{Quantity.Signed(-task.Drop, 2)} points" : $"{Quantity.Signed(task.Drop, 2)} {task.DropUnit}";
            string interval = task.DropUnit == "points"
                ? $"{Quantity.Signed(-task.DropHigh, 1)} to {Quantity.Signed(-task.DropLow, 1)}"
                : $"{Quantity.Signed(task.DropLow, 1)} to {Quantity.Signed(task.DropHigh, 1)}";
            yield return Tile(Capital(task.Title), Quantity.Measure(task.Quantized, task.Unit), $"{drop}; 95\u202F% sure it is {interval}{p}", task.IsSignificant && task.Drop > 0);
        }

        if (v.Error("agreement") is { } agreement)
            yield return Tile("Same answer as float", Quantity.Percent(agreement), "top-1 agreement, no labels needed", false);
        if (v.Error("sqnr_db") is { } sqnr)
        {
            string aside = double.IsInfinity(sqnr) ? "no output differs" : $"noise is {Quantity.Significant(100 * Math.Pow(10, -sqnr / 20))}\u202F% of the signal";
            yield return Tile("SQNR of the outputs", Quantity.Decibels(sqnr), aside, false);
        }

        foreach (LatencyResult latency in v.Latency.Take(1))
        {
            string threads = latency.Threads == 1 ? "1 thread" : $"{latency.Threads} threads";
            yield return Tile("Latency", Quantity.Milliseconds(latency.Quantized.Median), $"from {Quantity.Milliseconds(latency.Reference.Median)}, {threads}", latency.Speedup < 1);
        }

        yield return Tile("Size on disk", Quantity.Bytes(v.QuantizedBytes), $"from {Quantity.Bytes(v.ReferenceBytes)}: {Quantity.Times((double)v.ReferenceBytes / v.QuantizedBytes)} smaller", v.QuantizedBytes > v.ReferenceBytes);
    }

    private static Markup Tile(string title, string figure, string aside, bool isBad) => Markup.Of(
        $"""<div class="tile{(isBad ? " bad" : "")}"><h3>{title}</h3><div class="figure">{figure}</div><p class="aside">{aside}</p></div>""");
}
