using System.Security.Cryptography;

namespace QuantCluster.Jobs;

/// <summary>The name of a blob: the SHA-256 of its bytes, 64 lower-case hex digits.</summary>
public readonly record struct BlobId
{
    private BlobId(string value) => Value = value;

    public string Value { get; }

    /// <summary>The name that <paramref name="bytes"/> have.</summary>
    public static BlobId Of(ReadOnlySpan<byte> bytes)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(bytes, hash);
        return new BlobId(Convert.ToHexStringLower(hash));
    }

    /// <exception cref="FormatException">Not 64 lower-case hex digits: it could be a path.</exception>
    public static BlobId Parse(string text) =>
        text.Length == 64 && text.All(c => c is (>= '0' and <= '9') or (>= 'a' and <= 'f'))
            ? new BlobId(text)
            : throw new FormatException($"'{text}' is no SHA-256 name");

    public override string ToString() => Value;
}
