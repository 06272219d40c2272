using System.Globalization;
using QuantCluster.Jobs;
using Spectre.Console;

namespace QuantCluster.Client;

/// <summary>A finished job for a person: before and after, what stayed float, where things are.</summary>
internal static class OutcomeTable
{
    public static void Write(JobOutcome outcome)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Out) });
        Table table = new Table().RoundedBorder().AddColumns("", "float32", "int8", "");
        table.Columns[1].RightAligned();
        table.Columns[2].RightAligned();
        table.AddRow("size", Megabytes(outcome.Fp32Bytes), Megabytes(outcome.Bytes), Text($"{(double)outcome.Fp32Bytes / outcome.Bytes:0.00}x smaller"));
        if (outcome is { LatencyMs: { } quantized, Fp32LatencyMs: { } reference, Speedup: { } speedup })
        {
            string verdict = Text($"{speedup:0.00}x") + (speedup >= 1 ? " faster" : ": slower");
            table.AddRow("latency", Text($"{reference:0.000} ms"), Text($"{quantized:0.000} ms"), verdict);
        }

        if (outcome is { MetricName: { } name, Metric: { } metric, Fp32Metric: { } fp32 })
            table.AddRow(Markup.Escape(name), Text($"{fp32:0.####}"), Text($"{metric:0.####}"), Text($"{metric - fp32:+0.####;-0.####;0}"));
        if (outcome.SqnrDb is { } sqnr)
            table.AddRow("SQNR", "", Text($"{sqnr:0.00} dB"), "");
        if (outcome.Agreement is { } agreement)
            table.AddRow("same prediction", "", Text($"{agreement:0.00} %"), outcome.Samples == 1 ? "1 sample" : Text($"{outcome.Samples} samples"));
        console.Write(table);

        IReadOnlyList<UnquantizedLayer> floats = outcome.Layers.Float;
        int stored = outcome.Layers.WeightOnly.Count;
        Line($"layers   {outcome.Layers.Quantized.Count} on integers, {(stored > 0 ? $"{stored} float with weights stored as INT8, " : "")}{floats.Count} float");
        foreach (IGrouping<string, UnquantizedLayer> group in floats.GroupBy(f => f.Reason))
            Line($"         {group.Count()} × {group.Key}");
        Line($"time     {string.Join(", ", outcome.Seconds.Select(s => Text($"{s.Key} {s.Value:0.0} s")))}; peak memory {Text($"{outcome.PeakRssMb:0}")} MB");
        Line($"model    {outcome.Output}");
        if (outcome.Report is { } report)
            Line($"report   {report}");
        foreach (string note in outcome.Notes)
            Line($"note     {note}");
    }

    // Console.Out, not Spectre: paths must stay in one piece to be copied.
    private static void Line(string text) => Console.Out.WriteLine(text);

    private static string Megabytes(long bytes) => Text($"{bytes / 1e6:0.000} MB");

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
