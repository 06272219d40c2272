namespace QuantCluster.Reporting.Page;

/// <summary>Every layer: quantized or float, why, and its error.</summary>
internal static class LayerSection
{
    public static Markup Write(Report report)
    {
        if (report.Layers.Count == 0)
            return Markup.Empty;
        ProfileLookup profile = new(report.Verification.Profile);
        int quantized = report.Layers.Count(l => l.IsQuantized);
        long weights = report.Layers.Sum(l => l.Weights), quantizedWeights = report.Layers.Where(l => l.IsQuantized).Sum(l => l.Weights);
        string share = weights == 0 ? "" : $", holding {Quantity.Percent(100.0 * quantizedWeights / weights)} of the weights";

        IEnumerable<Markup> rows = report.Layers.Select((layer, i) =>
        {
            double? sqnr = profile.OfLayer(layer);
            return Markup.Of(
                $"""
                <tr><td class="num" data-key="{i}">{i + 1}</td><td>{layer.Name}</td><td class="op">{layer.Op}</td><td><span class="chip{(layer.IsQuantized ? "" : " float")}">{(layer.IsQuantized ? "INT8" : layer.IsWeightOnly ? "INT8 weights" : "float")}</span></td><td class="num" data-key="{layer.Weights.ToString(System.Globalization.CultureInfo.InvariantCulture)}">{(layer.Weights == 0 ? "" : Quantity.Count(layer.Weights))}</td><td class="num" data-key="{(sqnr is { } key && double.IsFinite(key) ? key : 1000)}">{(sqnr is { } db ? Quantity.Decibels(db) : "")}</td><td class="why">{layer.Reason}</td></tr>
                """);
        });
        return Markup.Of(
            $"""
            <section>
            <h2>Layers</h2>
            <p class="note">{quantized} of {report.Layers.Count} layers compute in integers{share}.</p>
            <div class="card scroll">
            <table><thead><tr><th class="num" data-sort="number">#</th><th data-sort="text">Layer</th><th data-sort="text">Op</th><th data-sort="text">Precision</th><th class="num" data-sort="number">Weights</th><th class="num" data-sort="number">SQNR</th><th>Why</th></tr></thead>
            <tbody>
            {Markup.Join(rows, "\n")}
            </tbody></table>
            </div>
            </section>
            """);
    }
}
