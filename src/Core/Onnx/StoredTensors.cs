using System.Runtime.CompilerServices;
using Google.Protobuf;

namespace QuantCluster.Onnx;

/// <summary>Where a tensor's bytes lie on the disk.</summary>
/// <param name="File">Absolute path.</param>
/// <param name="Offset">First byte in it.</param>
internal sealed record StoredTensor(string File, long Offset);

/// <summary>
/// Remembers which bytes in memory were read from which file, as long as they are in memory: a copy of a large model then
/// is a new graph beside a link to the old file, and not gigabytes written again.
/// </summary>
internal static class StoredTensors
{
    private static readonly ConditionalWeakTable<ByteString, StoredTensor> Known = [];

    public static void Remember(ByteString bytes, string file, long offset) => Known.AddOrUpdate(bytes, new StoredTensor(file, offset));

    public static StoredTensor? Find(ByteString bytes) => Known.TryGetValue(bytes, out StoredTensor? stored) ? stored : null;
}
