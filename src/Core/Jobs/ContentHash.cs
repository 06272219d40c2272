using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace QuantCluster.Jobs;

/// <summary>
/// A key made of everything a piece of work depends on: same parts, same key. Parts are prefixed with their
/// length, so that ("ab", "c") and ("a", "bc") differ.
/// </summary>
public sealed class ContentHash : IDisposable
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    public ContentHash Add(string part) => Add(Encoding.UTF8.GetBytes(part));

    public ContentHash Add(long part) => Add(part.ToString(CultureInfo.InvariantCulture));

    public ContentHash Add(BlobId part) => Add(part.Value);

    public ContentHash Add(ReadOnlySpan<byte> part)
    {
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, part.Length);
        _hash.AppendData(length);
        _hash.AppendData(part);
        return this;
    }

    /// <summary>64 lower-case hex digits.</summary>
    public string Finish() => Convert.ToHexStringLower(_hash.GetHashAndReset());

    /// <summary>SHA-256 of the parts in order.</summary>
    public static string Of(params IEnumerable<string> parts)
    {
        using ContentHash hash = new();
        foreach (string part in parts)
            hash.Add(part);
        return hash.Finish();
    }

    /// <summary>SHA-256 of a file's bytes, read as a stream.</summary>
    public static string OfFile(string path)
    {
        using FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16, FileOptions.SequentialScan);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    public void Dispose() => _hash.Dispose();
}
