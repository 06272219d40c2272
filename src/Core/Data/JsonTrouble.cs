using System.Globalization;
using System.Text.Json;

namespace QuantCluster.Data;

/// <summary>Where a text stops being JSON, as people count.</summary>
internal static class JsonTrouble
{
    /// <summary>E.g. <c>it is no valid JSON at line 3, column 14</c>.</summary>
    public static string Place(this JsonException exception) => exception is { LineNumber: { } line, BytePositionInLine: { } column }
        ? string.Create(CultureInfo.InvariantCulture, $"it is no valid JSON at line {line + 1}, column {column + 1}")
        : "it is no valid JSON";
}
