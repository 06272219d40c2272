using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using QuantCluster.Preparation;
using Spectre.Console;

namespace QuantCluster.Client.Commands;

/// <summary><c>quant inspect MODEL</c>: what a model is made of, and what would be quantized.</summary>
internal static class Inspect
{
    private static readonly JsonSerializerOptions JsonStyle = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
    };

    public static Command Create()
    {
        Argument<string> model = new("MODEL") { Description = "An ONNX model." };
        Option<string?> data = new("--data") { HelpName = "SPEC.json", Description = "Dataset spec, file or folder: shapes then come from its first sample. Without it a sample is invented." };
        Option<bool> json = new("--json") { Description = "One JSON object instead of tables." };
        Command command = new("inspect", "Shows a model's layers, shapes and parameters, and which layers would be quantized.") { model, data, json };
        command.SetAction((parsed, cancellation) =>
        {
            Inspection inspection = Inspection.Of(parsed.GetValue(model)!, parsed.GetValue(data), cancellation);
            if (parsed.GetValue(json))
                Console.WriteLine(JsonSerializer.Serialize(inspection, JsonStyle));
            else
                Show(inspection);
            return Task.FromResult((int)ExitCode.Success);
        });
        return command;
    }

    private static void Show(Inspection model)
    {
        IAnsiConsole screen = Screen.Open();
        screen.MarkupLine($"[bold]{Markup.Escape(model.Model)}[/]  {Size(model.Bytes)}, {Count(model.Parameters)} parameters, opset {model.Opset}{Domains(model)}, format {model.IrVersion}{(model.Producer.Length > 0 ? $", made by {Markup.Escape(model.Producer)}" : "")}");
        foreach (InspectedValue input in model.Inputs)
            screen.MarkupLine($"  in   {Describe(input)}");
        foreach (InspectedValue output in model.Outputs)
            screen.MarkupLine($"  out  {Describe(output)}");
        screen.MarkupLine($"  {Operators(model.Operators)}");
        screen.WriteLine();
        if (model.NotPlanned is { } reason)
        {
            screen.MarkupLine($"[yellow]Not planned:[/] {Markup.Escape(reason)}");
            return;
        }

        screen.MarkupLine("[bold]Prepared[/]");
        foreach (RewriteReport rewrite in model.Rewrites)
            screen.MarkupLine($"  {rewrite.Name}: {rewrite.Sites} {(rewrite.Kept ? "" : $"[yellow]dropped: {Markup.Escape(rewrite.Reason ?? "")}[/]")}");
        screen.MarkupLine($"  {Operators(model.PreparedOperators)}");
        screen.WriteLine();
        ShowLayers(screen, model);
    }

    private static void ShowLayers(IAnsiConsole screen, Inspection model)
    {
        Table table = new() { Border = Console.IsOutputRedirected ? TableBorder.None : TableBorder.Rounded };
        table.AddColumn("layer").AddColumn("operator").AddColumn(new TableColumn("output").RightAligned()).AddColumn(new TableColumn("parameters").RightAligned());
        table.AddColumn(new TableColumn("multiplications").RightAligned()).AddColumn("would be");
        foreach (InspectedLayer layer in model.Layers)
        {
            table.AddRow(
                Markup.Escape(layer.Node), layer.Operator, string.Join("×", layer.Shape), Count(layer.Parameters),
                layer.MultiplyAccumulates > 0 ? Count(layer.MultiplyAccumulates) : "",
                layer.Quantized ? "[green]integer[/]" : $"float: {Markup.Escape(layer.Reason ?? "")}");
        }

        screen.Write(table);
        InspectedLayer[] quantized = [.. model.Layers.Where(l => l.Quantized)];
        screen.MarkupLine($"[bold]{quantized.Length} of {model.Layers.Count}[/] layers would be quantized, with {Count(quantized.Sum(l => l.Parameters))} parameters; shapes from {(model.ShapesFrom == "data" ? "the first sample" : "an invented sample (give --data for real ones)")}.");
    }

    private static string Describe(InspectedValue value) =>
        $"{Markup.Escape(value.Name)}: {value.Type} {Markup.Escape($"[{string.Join(", ", value.Shape)}]")}";

    private static string Domains(Inspection model) => string.Concat(model.Domains.Select(d => $", {Markup.Escape(d.Key)} {d.Value}"));

    private static string Operators(IReadOnlyDictionary<string, int> operators) =>
        $"{operators.Values.Sum()} nodes: " + string.Join(", ", operators.Select(o => $"{o.Value} {Markup.Escape(o.Key)}"));

    private static string Count(long number) => number switch
    {
        >= 10_000_000 => string.Create(CultureInfo.InvariantCulture, $"{number / 1e6:0} M"),
        >= 1_000_000 => string.Create(CultureInfo.InvariantCulture, $"{number / 1e6:0.0} M"),
        >= 10_000 => string.Create(CultureInfo.InvariantCulture, $"{number / 1e3:0} k"),
        _ => number.ToString(CultureInfo.InvariantCulture),
    };

    private static string Size(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e6:0.00} MB");
}
