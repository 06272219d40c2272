using System.Globalization;
using System.Net;
using System.Runtime.CompilerServices;
using System.Text;

namespace QuantCluster.Reporting;

/// <summary>
/// A piece of HTML or SVG. <c>Markup.Of($"&lt;td&gt;{name}&lt;/td&gt;")</c> escapes every hole that is not itself markup,
/// so a tensor called <c>&lt;script&gt;</c> stays a name.
/// </summary>
internal readonly record struct Markup(string Text)
{
    public static Markup Empty { get; } = new("");

    public static Markup Of(MarkupHandler handler) => new(handler.ToString());

    public static Markup Join(IEnumerable<Markup> pieces, string between = "") => new(string.Join(between, pieces.Select(p => p.Text)));

    public override string ToString() => Text;
}

/// <summary>Builds <see cref="Markup"/> from an interpolated string. Numbers are coordinates: two decimals, invariant.</summary>
[InterpolatedStringHandler]
internal readonly ref struct MarkupHandler(int literalLength, int formattedCount)
{
    private readonly StringBuilder _text = new(literalLength + (16 * formattedCount));

    public void AppendLiteral(string literal) => _text.Append(literal);

    public void AppendFormatted(Markup markup) => _text.Append(markup.Text);

    public void AppendFormatted(string? text) => _text.Append(WebUtility.HtmlEncode(text));

    public void AppendFormatted(int number) => _text.Append(number.ToString(CultureInfo.InvariantCulture));

    public void AppendFormatted(double coordinate) => _text.Append(Math.Round(coordinate, 2).ToString("0.##", CultureInfo.InvariantCulture));

    public override string ToString() => _text.ToString();
}
