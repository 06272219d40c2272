using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace QuantCluster.Reporting;

/// <summary>The report as JSON; <c>docs/report-schema.md</c> describes every field.</summary>
public static class JsonReport
{
    /// <summary>snake_case names; numbers JSON cannot hold (±∞, NaN) become null.</summary>
    public static JsonSerializerOptions Options { get; } = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        WriteIndented = true,
        NewLine = "\n",
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new FiniteNumberConverter() },
        // Reflection for what is no report's: it costs a short job a tenth of a second.
        TypeInfoResolver = JsonTypeInfoResolver.Combine(ReportJson.Default, new DefaultJsonTypeInfoResolver()),
    };

    /// <summary>Bins of one histogram at most, about.</summary>
    private const int MostBins = 200;

    public static string Render(Report report)
    {
        Report coarse = report with { Histograms = [.. report.Histograms.Select(h => h with { Bins = ReportedBin.Coarsen(h.Bins, MostBins) })] };
        return JsonSerializer.Serialize(coarse, Options) + "\n";
    }

    private sealed class FiniteNumberConverter : JsonConverter<double>
    {
        public override double Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            reader.TokenType == JsonTokenType.Null ? double.NaN : reader.GetDouble();

        public override bool HandleNull => true;

        public override void Write(Utf8JsonWriter writer, double value, JsonSerializerOptions options)
        {
            if (double.IsFinite(value))
                writer.WriteNumberValue(value);
            else
                writer.WriteNullValue();
        }
    }
}

[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(Report))]
internal sealed partial class ReportJson : JsonSerializerContext;
