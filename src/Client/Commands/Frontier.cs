using System.CommandLine;
using System.Globalization;
using System.Text;
using QuantCluster.Reporting;
using QuantCluster.Search.Frontier;
using Spectre.Console;

namespace QuantCluster.Client.Commands;

/// <summary><c>quant frontier JOB</c>: the models of a job's frontier, as a table and as a picture.</summary>
internal static class Frontier
{
    public static Command Create()
    {
        Argument<string> job = new("JOB") { Description = "Folder of a job that was run with --frontier, --max-latency or --max-size." };
        Option<string> svg = new("--svg") { HelpName = "FILE.svg", Description = "Also draw it: error against time, one circle a model." };
        Option<bool> json = new("--json") { Description = "Print one JSON object on stdout instead of a table." };
        Command command = new("frontier", "Shows the models of a job's frontier: error against time against size.") { job, svg, json };
        command.SetAction((parsed, _) => Task.FromResult(Execute(parsed.GetValue(job)!, parsed.GetValue(svg), parsed.GetValue(json))));
        return command;
    }

    private static int Execute(string job, string? svg, bool json)
    {
        FrontierResult frontier = FrontierFile.Load(job);
        if (svg is not null)
            Jobs.AtomicFile.Write(Path.GetFullPath(svg), Encoding.UTF8.GetBytes(FrontierFiles.Draw(frontier)));
        if (json)
            Console.Out.Write(Encoding.UTF8.GetString(FrontierFile.ToBytes(frontier)));
        else
            Show(frontier, job);
        return (int)ExitCode.Success;
    }

    private static void Show(FrontierResult frontier, string job)
    {
        IAnsiConsole screen = Screen.Open();
        Table table = new() { Border = Console.IsOutputRedirected ? TableBorder.None : TableBorder.Rounded };
        foreach (string column in (string[])["#", "time", "speed", "error", "SQNR", "same", "size", "on integers"])
            table.AddColumn(new TableColumn($"[bold]{column}[/]").RightAligned());
        table.AddColumn(new TableColumn("[bold]how[/]"));
        // Each was timed in turn with the float model, at another moment: against one float time they can be compared.
        double reference = frontier.Points.Min(p => p.Latency.Reference.Median);
        foreach (FrontierPoint p in frontier.Points)
        {
            int all = p.Quantized.Count + p.BackToFloat.Count;
            table.AddRow(
                Text($"{p.Number}"), Quantity.Milliseconds(p.MeasuredRelative * reference), Text($"{p.Latency.PairwiseSpeedup:0.00}x"),
                Text($"{Quantity.Significant(p.Error)} ± {Quantity.Significant(p.ErrorStandardError)}"),
                p.SqnrDb is { } sqnr ? Quantity.Decibels(sqnr) : "", p.Agreement is { } same ? Quantity.Percent(same) : "",
                Quantity.Bytes(p.Bytes), Text($"{p.Quantized.Count} of {all}"), Markup.Escape(p.Origin));
        }

        screen.Write(table);
        string measure = frontier.Measure switch
        {
            "kl" => "KL divergence of the outputs, nats a position",
            "relative-squared" => "squared error of the outputs relative to their energy",
            _ => "KL divergence and relative squared error of the outputs, added up",
        };
        Console.Out.WriteLine(Text($"error    {measure}; mean ± standard error of {frontier.ValidationSamples.Count} calibration samples held back"));
        Console.Out.WriteLine(Text($"time     measured in turn with the float model on {frontier.Processor}; foretold to {frontier.PredictionError * 100:0.#} %"));
        Console.Out.WriteLine(Text($"search   {frontier.Candidates} sets of layers judged on {frontier.SearchSamples.Count} samples, {frontier.Measured} emitted, validated and timed"));
        Console.Out.WriteLine($"pick     quant pick {job} N --out OUT.onnx");
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
