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
    public override ReportedBin Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        double[] parts = JsonSerializer.Deserialize<double[]>(ref reader) ?? [];
        return parts.Length == 3 ? new ReportedBin(parts[0], parts[1], parts[2]) : throw new JsonException("a bin is [low, high, count]");
    }

    public override void Write(Utf8JsonWriter writer, ReportedBin value, JsonSerializerOptions options) =>
        writer.WriteRawValue(JsonSerializer.SerializeToUtf8Bytes(new[] { value.Low, value.High, value.Count }));
}
