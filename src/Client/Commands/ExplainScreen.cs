using System.Globalization;
using QuantCluster.Numerics;
using Spectre.Console;

namespace QuantCluster.Client.Commands;

/// <summary>The lesson as a person reads it: formulas with the numbers filled in, then two tables.</summary>
internal static class ExplainScreen
{
    private static readonly SixteenBitFormat Half = SixteenBitFormat.Fp16;

    public static void Show(ExplainRequest request)
    {
        IAnsiConsole screen = Screen.Open();
        ShowMapping(screen, request);
        ShowValues(screen, request);
        ShowHalf(screen, request);
    }

    /// <summary>s|eeeee|mmmmmmmmmm.</summary>
    public static string Bits(ushort half)
    {
        string bits = half.ToString("b16", CultureInfo.InvariantCulture);
        return $"{bits[..1]}|{bits[1..6]}|{bits[6..]}";
    }

    private static void ShowMapping(IAnsiConsole screen, ExplainRequest request)
    {
        (RealRange range, AffineMapping mapping) = (request.Range.WithZero(), request.Mapping);
        int low = request.Type.Minimum(), high = request.Type.Maximum();
        string type = request.Type.ToString().ToUpperInvariant();
        screen.MarkupLine($"[bold]{Interval(request.Range)} as {type}[/] ({(request.Symmetric ? "symmetric" : "asymmetric")}, integers {Number(low)} to {Number(high)})");
        if (range != request.Range)
            screen.MarkupLine($"[dim]The range becomes {Interval(range)}: zero must be exact, for padding and ReLU.[/]");
        screen.WriteLine();
        if (request.Symmetric)
        {
            Line(screen, "S = max|x| / qmax", $"{Number(range.Magnitude)} / {high}", Number(mapping.Scale));
            Line(screen, "Z = 0", "symmetric: zero stands in the middle", "0");
        }
        else
        {
            Line(screen, "S = (xmax − xmin) / (qmax − qmin)", $"({Number(range.Maximum)} − {Operand(range.Minimum)}) / ({high} − {Operand(low)}) = {Number(range.Maximum - range.Minimum)} / {high - low}", Number(mapping.Scale));
            Line(screen, "Z = round(qmin − xmin / S)", $"round({Number(low)} − {Operand(range.Minimum)} / {Number(mapping.Scale)}) = round({Number(low - (range.Minimum / mapping.Scale))})", Number(mapping.ZeroPoint));
        }

        RealRange covered = mapping.Representable;
        screen.MarkupLine($"  [dim]q = clamp(round(x / S) + Z, {Number(low)}, {Number(high)}), halves to even;  x′ = S · (q − Z), from {Number(covered.Minimum)} to {Number(covered.Maximum)} in steps of S[/]");
        screen.WriteLine();
    }

    private static void ShowValues(IAnsiConsole screen, ExplainRequest request)
    {
        AffineMapping mapping = request.Mapping;
        Table table = NewTable("x", "x / S", "round + Z", "q", "x′ = S·(q − Z)", "x′ − x", "");
        foreach (float value in request.Values)
        {
            int quantized = mapping.Quantize(value);
            float steps = value / mapping.Scale, back = mapping.Dequantize(quantized), rounded = MathF.Round(steps, MidpointRounding.ToEven);
            bool clamped = rounded + mapping.ZeroPoint != quantized;
            bool tie = Math.Abs(steps - MathF.Truncate(steps)) == 0.5f;
            table.AddRow(
                Number(value),
                Number(steps),
                $"{Number(rounded)} {(mapping.ZeroPoint < 0 ? "−" : "+")} {Math.Abs(mapping.ZeroPoint)}",
                $"[bold green]{Number(quantized)}[/]",
                Number(back),
                $"[{(clamped ? "red" : "yellow")}]{Number(back - value, "G4")}[/]",
                clamped ? "[red]clamped[/]" : tie ? "tie" : "");
        }

        screen.Write(table);
        screen.WriteLine();
    }

    private static void ShowHalf(IAnsiConsole screen, ExplainRequest request)
    {
        screen.MarkupLine("[bold]The same values as FP16[/] (−1)^s · (1 + m/1024) · 2^(e − 15), 65504 at most");
        screen.WriteLine();
        Table table = NewTable("x", "s|eeeee|mmmmmmmmmm", "means", "x′", "x′ − x");
        foreach (float value in request.Values)
        {
            ushort bits = Half.Encode(value);
            float back = Half.Decode(bits);
            table.AddRow(
                Number(value),
                $"[bold green]{Bits(bits)}[/]",
                $"{Meaning(Half.Fields(bits))} {Note(value)}".TrimEnd(),
                Number(back),
                $"[yellow]{Number(back - value, "G4")}[/]");
        }

        screen.Write(table);
    }

    private static string Note(float value) => Half.Fields(Half.Encode(value)).Kind switch
    {
        SixteenBitKind.Infinity => "[red]overflow[/]",
        SixteenBitKind.Subnormal => "subnormal",
        SixteenBitKind.Zero when value != 0 => "[red]too small[/]",
        _ => "",
    };

    private static string Meaning(SixteenBitFields fields)
    {
        string sign = fields.Negative ? "−" : "";
        return fields.Kind switch
        {
            SixteenBitKind.Zero => $"{sign}0",
            SixteenBitKind.Infinity => $"{sign}∞",
            SixteenBitKind.Subnormal => $"{sign}({fields.Mantissa}/1024) · 2^−14",
            _ => $"{sign}(1 + {fields.Mantissa}/1024) · 2^{Number(fields.Exponent - 15)}",
        };
    }

    private static Table NewTable(params string[] columns)
    {
        Table table = new() { Border = Console.IsOutputRedirected ? TableBorder.None : TableBorder.Rounded };
        foreach (string column in columns)
            table.AddColumn(new TableColumn($"[bold]{column}[/]") { Alignment = column is "" or "means" or "s|eeeee|mmmmmmmmmm" ? Justify.Left : Justify.Right, NoWrap = column != "means" });
        return table;
    }

    private static void Line(IAnsiConsole screen, string formula, string filled, string result) =>
        screen.MarkupLine($"  {formula} = {filled} = [bold green]{result}[/]");

    private static string Interval(RealRange range) => Markup.Escape($"[{Number(range.Minimum)}, {Number(range.Maximum)}]");

    private static string Operand(double value) => value < 0 ? $"({Number(value)})" : Number(value);

    private static string Number(double value, string format = "G6")
    {
        string text = double.IsInfinity(value) ? (value < 0 ? "-∞" : "∞") : value.ToString(format, CultureInfo.InvariantCulture);
        // A typographic minus for people; programs that read a pipe want ASCII.
        return Console.IsOutputRedirected ? text : text.Replace('-', '−');
    }
}
