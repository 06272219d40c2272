namespace QuantCluster.Jobs;

/// <summary>
/// Immutable bytes by the hash of their content. Putting the same bytes twice is harmless, and a blob
/// that is there is whole: a killed process leaves none half written. Thread-safe.
/// </summary>
public interface IBlobStore
{
    /// <summary>Stores the bytes; when it returns they survive a crash of the process or the machine.</summary>
    ValueTask<BlobId> PutAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellation = default);

    /// <summary>Stores what <paramref name="write"/> writes: for more than fits in memory at once.</summary>
    ValueTask<BlobId> PutAsync(Action<Stream> write, CancellationToken cancellation = default);

    /// <summary>The bytes, checked against their name.</summary>
    /// <exception cref="QuantException">The blob is missing or damaged.</exception>
    ValueTask<byte[]> GetAsync(BlobId id, CancellationToken cancellation = default);

    /// <summary>Whether the blob is there and its bytes still have its name.</summary>
    ValueTask<bool> IsIntactAsync(BlobId id, CancellationToken cancellation = default);

    /// <summary>A file on this machine that holds the blob, for what reads files rather than bytes. Not to be changed.</summary>
    /// <exception cref="QuantException">The blob is missing or damaged.</exception>
    ValueTask<string> FileOfAsync(BlobId id, CancellationToken cancellation = default);
}
