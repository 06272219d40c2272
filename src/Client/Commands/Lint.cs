using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization;
using QuantCluster.Emission.Lint;
using QuantCluster.Onnx;
using Spectre.Console;

namespace QuantCluster.Client.Commands;

/// <summary><c>quant lint MODEL</c>: what ONNX Runtime will make of a QDQ model, and what to beware of.</summary>
internal static class Lint
{
    private static readonly JsonSerializerOptions JsonStyle = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    public static Command Create()
    {
        Argument<string> model = new("MODEL") { Description = "A QDQ ONNX model." };
        Option<bool> all = new("--all") { Description = "List every node, not only compute layers and what stays float." };
        Option<bool> strict = new("--strict") { Description = "Exit code 6 if there is a trap." };
        Option<bool> json = new("--json") { Description = "One JSON object instead of tables." };
        Command command = new("lint", "Says node by node what ONNX Runtime fuses into integer kernels, what it does not and why, checked against ONNX Runtime's own graph.")
        {
            model, all, strict, json,
        };
        command.SetAction(parsed =>
        {
            LintReport report = Linter.Lint(OnnxModel.Load(parsed.GetValue(model)!));
            if (parsed.GetValue(json))
                Console.WriteLine(JsonSerializer.Serialize(report, JsonStyle));
            else
                Show(report, parsed.GetValue(all));
            return (int)(parsed.GetValue(strict) && report.HasTraps ? ExitCode.GateNotMet : ExitCode.Success);
        });
        return command;
    }

    private static void Show(LintReport report, bool all)
    {
        IAnsiConsole screen = Screen.Open();
        NodeVerdict[] compute = [.. report.Nodes.Where(n => n.IsCompute)];
        NodeVerdict[] shown = [.. report.Nodes.Where(n => all || n.IsCompute || !n.Agrees)];
        if (shown.Length > 0)
        {
            Table table = NewTable("node", "operator", "runs as", "why float");
            foreach (NodeVerdict node in shown)
                table.AddRow(Markup.Escape(node.Node), node.OpType, RunsAs(node), Markup.Escape(node.Reason));
            screen.Write(table);
            screen.WriteLine();
        }

        if (report.Findings.Count > 0)
        {
            Table table = NewTable("", "node", "finding", "advice");
            // The same words about many nodes are one row.
            foreach (IGrouping<(LintSeverity, string, string, string), LintFinding> same in report.Findings.GroupBy(f => (f.Severity, f.Rule, f.Message, f.Advice)))
            {
                LintFinding first = same.First();
                string nodes = Markup.Escape(first.Node) + (same.Count() > 1 ? $" [dim]and {same.Count() - 1} more[/]" : "");
                table.AddRow(Badge(first.Severity), nodes, $"{Markup.Escape(first.Message)} [dim]({first.Rule})[/]", Markup.Escape(first.Advice));
            }

            screen.Write(table);
            screen.WriteLine();
        }

        int integer = compute.Count(n => (n.Actual ?? n.Predicted).Kind == KernelKind.Integer);
        screen.MarkupLine($"[bold]{integer} of {compute.Length}[/] compute layers run on integers; {report.Findings.Count(f => f.Severity == LintSeverity.Trap)} traps, {report.Findings.Count(f => f.Severity == LintSeverity.Warning)} warnings.");
        screen.MarkupLine(report.NotVerified is { } why
            ? $"[yellow]Not checked against ONNX Runtime: {Markup.Escape(why)}[/]"
            : $"[dim]Checked against the graph of ONNX Runtime {report.RuntimeVersion}: {report.Nodes.Count(n => !n.Agrees)} predictions differ; {report.QuantizesLeft} QuantizeLinear and {report.DequantizesLeft} DequantizeLinear are left to pay at every run.[/]");
    }

    /// <summary>What ONNX Runtime made of it, and what was predicted where that differs.</summary>
    private static string RunsAs(NodeVerdict node)
    {
        string name = Name(node.Actual ?? node.Predicted) + (node.Actual is null ? " [dim](merged)[/]" : "");
        return node.Agrees ? name : $"{name} [yellow](predicted {node.Predicted.Operator})[/]";
    }

    private static string Name(Kernel kernel) => kernel.Kind == KernelKind.Integer ? $"[green]{kernel.Operator}[/]" : $"[red]{kernel.Operator} (float)[/]";

    private static string Badge(LintSeverity severity) => severity switch
    {
        LintSeverity.Trap => "[bold red]trap[/]",
        LintSeverity.Warning => "[yellow]warning[/]",
        _ => "[dim]info[/]",
    };

    private static Table NewTable(params string[] columns)
    {
        Table table = new() { Border = Console.IsOutputRedirected ? TableBorder.None : TableBorder.Rounded, ShowRowSeparators = false };
        foreach (string column in columns)
            table.AddColumn(new TableColumn($"[bold]{column}[/]"));
        return table;
    }
}
