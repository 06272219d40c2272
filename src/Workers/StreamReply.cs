using System.Globalization;
using StackExchange.Redis;

namespace QuantCluster.Workers;

/// <summary>Replies of stream commands that the client library does not send because they wait in the server.</summary>
internal static class StreamReply
{
    /// <summary>One entry: its id, then its fields and values in turn.</summary>
    public static StreamEntry Entry(RedisResult raw)
    {
        RedisResult[] parts = (RedisResult[])raw!;
        RedisValue[] fields = parts[1].IsNull ? [] : (RedisValue[])parts[1]!;
        NameValueEntry[] values = new NameValueEntry[fields.Length / 2];
        for (int i = 0; i < values.Length; i++)
            values[i] = new NameValueEntry(fields[2 * i], fields[(2 * i) + 1]);
        return new StreamEntry((RedisValue)parts[0], values);
    }

    /// <summary>Whether one entry's id is before another's. A server that lost everything, and whose clock was set back, counts anew.</summary>
    public static bool IsBefore(string id, string other)
    {
        (ulong milliseconds, ulong sequence) = Parse(id);
        (ulong otherMilliseconds, ulong otherSequence) = Parse(other);
        return milliseconds < otherMilliseconds || (milliseconds == otherMilliseconds && sequence < otherSequence);
    }

    private static (ulong Milliseconds, ulong Sequence) Parse(string id)
    {
        string[] parts = id.Split('-');
        return (ulong.Parse(parts[0], CultureInfo.InvariantCulture), ulong.Parse(parts[1], CultureInfo.InvariantCulture));
    }
}
