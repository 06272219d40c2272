using QuantCluster.Reporting.Plots;
using QuantCluster.Verification;

namespace QuantCluster.Reporting.Page;

/// <summary>Where the error enters, and the other distances between the outputs.</summary>
internal static class ErrorSection
{
    public static Markup Write(Report report)
    {
        VerificationResult v = report.Verification;
        IEnumerable<Markup> others = v.Errors.Where(e => e.Value is not null).Select(e => Markup.Of(
            $"""<tr><td>{e.Title}</td><td class="num">{(e.Name == "cosine" ? Quantity.Fixed(e.Value!.Value, 6) : Quantity.Measure(e.Value!.Value, e.Unit == "nats" ? "" : e.Unit))}{(e.Unit == "nats" ? "\u202Fnats" : "")}</td></tr>"""));
        Markup table = Markup.Of($"""<table><thead><tr><th>Distance between the outputs</th><th class="num">value</th></tr></thead><tbody>{Markup.Join(others)}</tbody></table>""");
        if (v.Profile.Count == 0)
            return Markup.Of($"""<section><h2>Error</h2>{table}</section>""");

        IReadOnlyList<TensorError> losses = LayerErrorPlot.GreatestLosses(v.Profile);
        IEnumerable<Markup> rows = losses.Select((t, i) => Markup.Of(
            $"""<tr><td><span class="rank">{i + 1}</span></td><td>{t.Tensor}</td><td class="op">{t.Op}</td><td class="num">{Quantity.Decibels(t.SqnrDb)}</td><td class="num">{Quantity.Signed(-t.DropDb!.Value, 1)}{"\u202F"}dB</td></tr>"""));
        Markup greatest = losses.Count == 0 ? Markup.Empty : Markup.Of(
            $"""<div><table><thead><tr><th></th><th>Where most is lost</th><th>op</th><th class="num">SQNR</th><th class="num">against inputs</th></tr></thead><tbody>{Markup.Join(rows)}</tbody></table></div>""");
        return Markup.Of(
            $"""
            <section>
            <h2>Where the error enters</h2>
            <p class="note">Each bar is a tensor, in the order the model computes them: the higher, the closer to float. A step down is a layer that adds error of its own; numbers mark the greatest.</p>
            <div class="card">
            <p class="legend"><span><i class="q"></i>stored in integers</span><span><i class="f"></i>stored in float</span><span><i class="mark"></i>greatest loss against its inputs</span></p>
            {LayerErrorPlot.Draw(v.Profile)}
            </div>
            <div class="columns" style="margin-top:18px">{greatest}<div>{table}</div></div>
            </section>
            """);
    }
}
