using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using QuantCluster.Search;

namespace QuantCluster.Jobs;

/// <summary>
/// JSON with one spelling: UTF-8, members in ordinal order of their names, no white space. Equal values have
/// equal bytes, so a hash of them identifies the value.
/// </summary>
public static class CanonicalJson
{
    public static byte[] Serialize<T>(T value, JsonTypeInfo<T> type)
    {
        JsonNode? node = JsonSerializer.SerializeToNode(value, type);
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream))
            Write(writer, node);
        return stream.ToArray();
    }

    private static void Write(Utf8JsonWriter writer, JsonNode? node)
    {
        switch (node)
        {
            case JsonObject members:
                writer.WriteStartObject();
                foreach ((string name, JsonNode? value) in members.OrderBy(m => m.Key, StringComparer.Ordinal))
                {
                    writer.WritePropertyName(name);
                    Write(writer, value);
                }

                writer.WriteEndObject();
                break;
            case JsonArray elements:
                writer.WriteStartArray();
                foreach (JsonNode? element in elements)
                    Write(writer, element);
                writer.WriteEndArray();
                break;
            case null:
                writer.WriteNullValue();
                break;
            default:
                node.WriteTo(writer);
                break;
        }
    }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    UseStringEnumConverter = true,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(JobSpecification))]
[JsonSerializable(typeof(SearchSettings))]
[JsonSerializable(typeof(JournalRecord))]
[JsonSerializable(typeof(JobOutcome))]
internal sealed partial class JobJson : JsonSerializerContext;
