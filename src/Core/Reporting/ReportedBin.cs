using System.Buffers.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace QuantCluster.Reporting;

/// <summary>How many values lie in [Low, High]; in JSON <c>[low, high, count]</c>.</summary>
[JsonConverter(typeof(ReportedBinConverter))]
public readonly record struct ReportedBin(double Low, double High, double Count)
{
    /// <summary>
    /// Joins neighbours until no bin is narrower than 1/<paramref name="most"/> of the whole width: calibration keeps
    /// thousands of bins near zero, which no plot can show.
    /// </summary>
    public static IReadOnlyList<ReportedBin> Coarsen(IReadOnlyList<ReportedBin> bins, int most)
    {
        if (bins.Count <= most)
            return bins;
        double least = (bins[^1].High - bins[0].Low) / most;
        List<ReportedBin> joined = [];
        ReportedBin open = bins[0];
        for (int i = 1; i < bins.Count; i++)
        {
            if (bins[i].High - open.Low <= least)
            {
                open = new ReportedBin(open.Low, bins[i].High, open.Count + bins[i].Count);
            }
            else
            {
                joined.Add(open);
                open = bins[i];
            }
        }

        joined.Add(open);
        return joined;
    }
}

internal sealed class ReportedBinConverter : JsonConverter<ReportedBin>
{
    /// <summary>Longest text of a double, comma included.</summary>
    private const int Longest = 32;

    public override ReportedBin Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        Span<double> parts = stackalloc double[3];
        if (reader.TokenType != JsonTokenType.StartArray)
            throw Malformed();
        foreach (ref double part in parts)
            part = reader.Read() && reader.TokenType == JsonTokenType.Number ? reader.GetDouble() : throw Malformed();
        return reader.Read() && reader.TokenType == JsonTokenType.EndArray ? new ReportedBin(parts[0], parts[1], parts[2]) : throw Malformed();
    }

    /// <summary>In one line, also where the rest is indented.</summary>
    public override void Write(Utf8JsonWriter writer, ReportedBin value, JsonSerializerOptions options)
    {
        Span<byte> text = stackalloc byte[3 * Longest];
        int length = 0;
        foreach (double part in (ReadOnlySpan<double>)[value.Low, value.High, value.Count])
        {
            text[length] = (byte)(length == 0 ? '[' : ',');
            Utf8Formatter.TryFormat(part, text[(length + 1)..], out int written);
            length += 1 + written;
        }

        text[length++] = (byte)']';
        writer.WriteRawValue(text[..length]);
    }

    private static JsonException Malformed() => new("a bin is [low, high, count]");
}
