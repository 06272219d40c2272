namespace QuantCluster.Jobs;

/// <summary>Blobs as files of a folder: <c>ab/abcdef…</c> by the first two digits of the name.</summary>
public sealed class FolderBlobStore : IBlobStore
{
    private readonly string _root;
    private readonly string _unfinished;

    public FolderBlobStore(string root)
    {
        _root = root;
        _unfinished = Path.Combine(root, "unfinished");
        Directory.CreateDirectory(_unfinished);
    }

    public ValueTask<BlobId> PutAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellation = default)
    {
        cancellation.ThrowIfCancellationRequested();
        BlobId id = BlobId.Of(bytes.Span);
        string path = PathOf(id);
        if (File.Exists(path) && new FileInfo(path).Length == bytes.Length && IsIntact(id))
            return ValueTask.FromResult(id);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        AtomicFile.Write(path, Path.Combine(_unfinished, Guid.NewGuid().ToString("N")), bytes.Span);
        return ValueTask.FromResult(id);
    }

    public async ValueTask<byte[]> GetAsync(BlobId id, CancellationToken cancellation = default)
    {
        string path = PathOf(id);
        byte[] bytes;
        try
        {
            bytes = await File.ReadAllBytesAsync(path, cancellation);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new QuantException(ExitCode.CannotWrite, $"{path}: is missing from the job. 'quant resume' makes it again.", e);
        }

        return BlobId.Of(bytes) == id
            ? bytes
            : throw new QuantException(ExitCode.CannotWrite, $"{path}: is damaged (its bytes no longer have its checksum). 'quant resume' makes it again.");
    }

    public ValueTask<bool> IsIntactAsync(BlobId id, CancellationToken cancellation = default)
    {
        cancellation.ThrowIfCancellationRequested();
        return ValueTask.FromResult(IsIntact(id));
    }

    /// <summary>Where the blob's file is, for programs that want a file rather than bytes.</summary>
    public string PathOf(BlobId id) => Path.Combine(_root, id.Value[..2], id.Value);

    /// <summary>Removes what killed processes left half written. Only while no one else writes.</summary>
    public void DiscardUnfinished()
    {
        foreach (string file in Directory.EnumerateFiles(_unfinished))
            File.Delete(file);
    }

    private bool IsIntact(BlobId id)
    {
        string path = PathOf(id);
        return File.Exists(path) && ContentHash.OfFile(path) == id.Value;
    }
}
