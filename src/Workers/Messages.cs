using System.Text.Json;
using System.Text.Json.Serialization;
using QuantCluster.Jobs;

namespace QuantCluster.Workers;

/// <summary>An item on its way to a worker.</summary>
/// <param name="Run">Whose results it belongs to.</param>
/// <param name="Kind">As the item has it.</param>
/// <param name="Argument">As the item has it.</param>
/// <param name="Inputs">As the item has them.</param>
/// <param name="Worker">Who best does it; any other hands it on once.</param>
internal sealed record ItemMessage(string Run, string Kind, string Argument, IReadOnlyList<string> Inputs, string? Worker = null)
{
    public static byte[] Of(string run, WorkItem item, string? worker) => new ItemMessage(run, item.Kind, item.Argument, item.Inputs, worker).ToBytes();

    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, MessageJson.Default.ItemMessage);

    /// <returns>Null where it is none: someone else wrote into the stream.</returns>
    public static ItemMessage? Parse(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return JsonSerializer.Deserialize(bytes, MessageJson.Default.ItemMessage) is { Run: not null, Kind: not null, Argument: not null, Inputs: not null } message
                ? message
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    public WorkItem ToItem() => new(Kind, Argument, Inputs);
}

/// <summary>What a worker says of an item; small results travel beside it, large ones by the hash of their content.</summary>
/// <param name="Key">The item's.</param>
/// <param name="Worker">Who did it.</param>
/// <param name="Microseconds">How long it took.</param>
/// <param name="Blob">Where the result is; null for one that travels beside, or a failure.</param>
/// <param name="Code">Set for a failure.</param>
/// <param name="Message">Set for a failure.</param>
/// <param name="MayRetry">Whether trying again may help.</param>
/// <param name="Delivery">The entry of the stream that was answered: an answer that comes twice counts once.</param>
internal sealed record ResultMessage(
    string Key, string Worker, long Microseconds, string? Blob = null, ExitCode? Code = null, string? Message = null, bool MayRetry = false, string? Delivery = null)
{
    /// <summary>Results up to this size travel through Redis: a blob's two flushes to the disk would cost more.</summary>
    public const int LargestBeside = 16 << 10;

    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, MessageJson.Default.ResultMessage);

    public static ResultMessage? Parse(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return JsonSerializer.Deserialize(bytes, MessageJson.Default.ResultMessage) is { Key: not null, Worker: not null } message ? message : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ItemMessage))]
[JsonSerializable(typeof(ResultMessage))]
[JsonSerializable(typeof(Cluster.ClusterMember))]
internal sealed partial class MessageJson : JsonSerializerContext;
