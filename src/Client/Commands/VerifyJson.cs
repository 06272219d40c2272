using System.Text.Json;
using System.Text.Json.Nodes;
using QuantCluster.Reporting;
using QuantCluster.Verification;

namespace QuantCluster.Client.Commands;

/// <summary>The one JSON object of <c>quant verify --json</c>: the figures programs ask for first, then the whole result.</summary>
internal static class VerifyJson
{
    public static string Render(Report report, string? html)
    {
        VerificationResult v = report.Verification;
        LatencyResult? single = v.Latency.FirstOrDefault();
        JsonObject json = new()
        {
            ["fp32"] = report.ReferenceName,
            ["output"] = report.QuantizedName,
            ["samples"] = v.Samples,
            ["fp32_bytes"] = v.ReferenceBytes,
            ["bytes"] = v.QuantizedBytes,
            ["sqnr_db"] = Number(v.Error("sqnr_db")),
            ["cosine"] = Number(v.Error("cosine")),
            ["kl"] = Number(v.Error("kl")),
            ["agreement"] = Number(v.Error("agreement")),
            ["max_abs_error"] = Number(v.Error("max_abs_error")),
            ["metric_name"] = v.Task?.Name,
            ["metric"] = Number(v.Task?.Quantized),
            ["fp32_metric"] = Number(v.Task?.Reference),
            ["latency_ms"] = Number(single?.Quantized.Median),
            ["fp32_latency_ms"] = Number(single?.Reference.Median),
            ["speedup"] = Number(single?.Speedup),
            ["task"] = Node(v.Task),
            ["latency"] = Node(v.Latency),
            ["profile"] = Node(v.Profile),
            ["layers"] = Node(report.Layers),
            ["gates"] = Node(report.Gates),
            ["environment"] = Node(report.Environment),
            ["seconds"] = v.Seconds,
            ["report"] = html,
        };
        return json.ToJsonString(JsonReport.Options);
    }

    private static JsonNode? Node<T>(T value) => JsonSerializer.SerializeToNode(value, JsonReport.Options);

    private static JsonNode? Number(double? value) => value is { } v && double.IsFinite(v) ? JsonValue.Create(v) : null;
}
