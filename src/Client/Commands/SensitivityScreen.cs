using QuantCluster.Jobs;
using QuantCluster.Reporting;
using QuantCluster.Search.Sensitivity;
using Spectre.Console;

namespace QuantCluster.Client.Commands;

/// <summary>Sensitivity as a table with bars, the costliest layer first.</summary>
internal static class SensitivityScreen
{
    private const int WidestBar = 24, NarrowestBar = 4;
    private const string Eighths = " ▏▎▍▌▋▊▉";

    public static void Show(SensitivityResult result, JobDirectory job)
    {
        IAnsiConsole screen = Screen.Open();
        Table table = new() { Border = Console.IsOutputRedirected ? TableBorder.None : TableBorder.Rounded };
        table.AddColumn(new TableColumn("[bold]layer[/]"));
        table.AddColumn(new TableColumn("[bold]op[/]"));
        table.AddColumn(new TableColumn("[bold]only this[/]").RightAligned());
        table.AddColumn(new TableColumn(""));
        table.AddColumn(new TableColumn("[bold]all but this[/]").RightAligned());
        table.AddColumn(new TableColumn("[bold]gains[/]").RightAligned());
        table.AddColumn(new TableColumn(""));
        if (result.Latency is not null)
        {
            foreach (string column in (string[])["float", "int8", "speedup"])
                table.AddColumn(new TableColumn($"[bold]{column}[/]").RightAligned());
        }

        LayerSensitivity[] layers = [.. result.Layers.OrderByDescending(l => l.OnlyThis)];
        double most = layers.Max(l => l.OnlyThis), mostRelief = layers.Max(l => Math.Abs(l.Relief));
        int width = BarWidth(screen.Profile.Width, layers, result.Latency is not null);
        foreach (LayerSensitivity layer in layers)
        {
            string color = layer.Relief < 0 ? "red" : "green";
            List<string> cells =
            [
                Markup.Escape(layer.Node), layer.OpType,
                Error(layer.OnlyThis, layer.OnlyThisStandardError), $"[yellow]{Bar(layer.OnlyThis, most, width)}[/]",
                Error(layer.AllButThis, layer.AllButThisStandardError), Error(layer.Relief, layer.ReliefStandardError),
                $"[{color}]{Bar(Math.Abs(layer.Relief), mostRelief, width)}[/]",
            ];
            if (result.Latency?.Layers.First(l => l.Id == layer.Id) is { } time)
                cells.AddRange([Time(time.FloatMs), Time(time.IntegerMs), time is { FloatMs: { } f, IntegerMs: { } i } ? Quantity.Times(f / i) : "–"]);
            table.AddRow([.. cells]);
        }

        screen.Write(table);
        string unit = result.Measure switch
        {
            "kl" => "KL divergence of the outputs, nats a position",
            "relative-squared" => "squared error of the outputs relative to their energy",
            _ => "KL divergence of outputs that are distributions, plus relative squared error of the others",
        };
        Line($"error    {unit}; mean ± standard error of {result.Samples.Count} samples");
        Line($"all      {Error(result.AllQuantized, result.AllQuantizedStandardError)} with all {layers.Length} layers quantized; 'gains' is what leaving the layer float takes off that");
        Line($"order    rank correlation of 'only this' and 'gains' {(result.Agreement is { } agreement ? Quantity.Fixed(agreement, 2) : "–")}");
        if (result.Latency is { } latency)
        {
            Line($"time     {Time(latency.FloatMs)} float, {Time(latency.IntegerMs)} int8 in all kernels, of which the layers above "
                + $"{Time(latency.Layers.Sum(l => l.FloatMs))} and {Time(latency.Layers.Sum(l => l.IntegerMs))}; medians of {latency.Runs} runs, {latency.Threads} threads");
        }

        if (job.Specification.Output.Length > 0)
            Line($"file     {job.Specification.Output}");
        Line($"trials   {job.Path}");
    }

    private static string Error(double mean, double standardError) => $"{Quantity.Significant(mean)} ± {Quantity.Significant(standardError)}";

    private static string Time(double? milliseconds) => milliseconds is { } ms ? Quantity.Milliseconds(ms) : "–";

    /// <summary>What is left of the screen beside names and figures, for two columns of bars.</summary>
    private static int BarWidth(int screen, LayerSensitivity[] layers, bool withTimes)
    {
        int names = layers.Max(l => l.Node.Length), figures = withTimes ? 100 : 68;
        return Math.Clamp((screen - names - figures) / 2, NarrowestBar, WidestBar);
    }

    private static string Bar(double value, double most, int width)
    {
        double share = most > 0 && double.IsFinite(value / most) ? Math.Clamp(value / most, 0, 1) : double.IsNaN(value) ? 1 : 0;
        int eighths = (int)Math.Round(share * width * 8);
        return new string('█', eighths / 8) + (eighths % 8 > 0 ? Eighths[eighths % 8].ToString() : "");
    }

    // Console.Out, not Spectre: paths must stay in one piece to be copied.
    private static void Line(string text) => Console.Out.WriteLine(text);
}
