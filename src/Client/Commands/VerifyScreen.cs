using QuantCluster.Reporting;
using QuantCluster.Verification;
using Spectre.Console;

namespace QuantCluster.Client.Commands;

/// <summary>What <c>quant verify</c> found, as tables for a person.</summary>
internal static class VerifyScreen
{
    private const int Losses = 5;

    public static void Show(Report report, string? html)
    {
        IAnsiConsole screen = Screen.Open();
        VerificationResult v = report.Verification;
        screen.WriteLine();
        screen.MarkupLineInterpolated($"[bold]{report.QuantizedName}[/] against {report.ReferenceName}, {Quantity.Count(v.Samples)} samples");
        screen.Write(Comparison(v));
        screen.Write(Errors(v));
        if (Profile(v) is { } profile)
            screen.Write(profile);
        if (v.Task is { } task)
            screen.MarkupLineInterpolated($"{Significance(task)}");
        foreach (GateVerdict gate in report.Gates.Where(g => g.IsMet))
            screen.MarkupLineInterpolated($"[green]gate met:[/] {gate.Message}.");
        if (v.Latency.Count > 0 && v.Latency[0].Speedup < 1)
            screen.MarkupLineInterpolated($"[yellow]The quantized model is slower than float on this machine.[/] Layers that stay float between quantized ones cost conversions: see [bold]quant lint[/].");
        if (html is not null)
            screen.MarkupLineInterpolated($"report: {html}");
    }

    private static Table Comparison(VerificationResult v)
    {
        Table table = NewTable("", "float", "quantized", "");
        table.AddRow("size", Quantity.Bytes(v.ReferenceBytes), Quantity.Bytes(v.QuantizedBytes), $"{Quantity.Times((double)v.ReferenceBytes / v.QuantizedBytes)} smaller");
        foreach (LatencyResult l in v.Latency)
        {
            string threads = l.Threads == 1 ? "1 thread" : $"{l.Threads} threads";
            table.AddRow($"latency, {threads}", Quantity.Milliseconds(l.Reference.Median), Quantity.Milliseconds(l.Quantized.Median), $"{Quantity.Times(l.Speedup)} as fast");
            table.AddRow("[dim]95th percentile[/]", $"[dim]{Quantity.Milliseconds(l.Reference.P95)}[/]", $"[dim]{Quantity.Milliseconds(l.Quantized.P95)}[/]", $"[dim]{Quantity.Times(l.PairwiseSpeedup)} pairwise[/]");
        }

        if (v.Task is { } task)
        {
            string drop = task.DropUnit == "points" ? $"{Quantity.Signed(-task.Drop, 2)} points" : $"{Quantity.Signed(task.Drop, 2)} {task.DropUnit}";
            table.AddRow(Spectre.Console.Markup.Escape(task.Title), Exact(task.Reference, task.Unit), Exact(task.Quantized, task.Unit), drop);
        }

        return table;
    }

    private static string Exact(double score, string unit) => unit == "%" ? Quantity.Percent(score, 2) : $"{Quantity.Fixed(score, 4)} {unit}";

    private static Table Errors(VerificationResult v)
    {
        Table table = NewTable("error of the outputs", "");
        foreach (MetricValue e in v.Errors)
        {
            if (e.Value is { } value)
                table.AddRow(e.Title, e.Unit switch { "dB" => $"{Quantity.Fixed(value, 2)} dB", "%" => Quantity.Percent(value, 2), "nats" => $"{Quantity.Significant(value)} nats", _ => e.Name == "cosine" ? Quantity.Fixed(value, 6) : Quantity.Significant(value) });
        }

        return table;
    }

    private static Table? Profile(VerificationResult v)
    {
        List<TensorError> losses = [.. v.Profile.Where(t => t.DropDb > 0.5).OrderByDescending(t => t.DropDb).Take(Losses)];
        if (losses.Count == 0)
            return null;
        Table table = NewTable("where most is lost", "op", "SQNR", "against its inputs");
        foreach (TensorError loss in losses)
            table.AddRow(Spectre.Console.Markup.Escape(loss.Tensor), loss.Op, Quantity.Decibels(loss.SqnrDb), $"{Quantity.Signed(-loss.DropDb!.Value, 1)} dB");
        return table;
    }

    private static string Significance(TaskResult task)
    {
        string p = task.PValue is { } value ? $"McNemar's exact test, p = {Quantity.Significant(value)}; " : "";
        string counts = $"{Quantity.Count(task.OnlyReference)} of {Quantity.Count(task.Records)} records are better in float, {Quantity.Count(task.OnlyQuantized)} better quantized";
        return $"The difference in {task.Title} is {(task.IsSignificant ? "significant" : "not significant")} ({p}95 % interval of the drop {Quantity.Signed(task.DropLow, 2)} to {Quantity.Signed(task.DropHigh, 2)} {task.DropUnit}; {counts}).";
    }

    private static Table NewTable(params string[] columns)
    {
        Table table = new() { Border = TableBorder.Rounded };
        for (int i = 0; i < columns.Length; i++)
            table.AddColumn(new TableColumn(columns[i]) { Alignment = i == 0 || columns[i] == "op" ? Justify.Left : Justify.Right });
        return table;
    }
}
