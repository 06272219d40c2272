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
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                AtomicFile.Write(path, Path.Combine(_unfinished, Guid.NewGuid().ToString("N")), bytes.Span);
                return ValueTask.FromResult(id);
            }
            catch (QuantException e) when (e.InnerException is FileNotFoundException && attempt < 3)
            {
                // A coordinator that has just begun cleared it away (DiscardUnfinished).
            }
        }
    }

    public ValueTask<BlobId> PutAsync(Action<Stream> write, CancellationToken cancellation = default)
    {
        cancellation.ThrowIfCancellationRequested();
        string temporary = Path.Combine(_unfinished, Guid.NewGuid().ToString("N"));
        AtomicFile.Create(temporary, write);
        // Its name is what was really written.
        BlobId id = BlobId.Parse(ContentHash.OfFile(temporary));
        Directory.CreateDirectory(Path.GetDirectoryName(PathOf(id))!);
        AtomicFile.Rename(temporary, PathOf(id));
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
            throw Unusable(id);
        }

        return BlobId.Of(bytes) == id ? bytes : throw Unusable(id);
    }

    public ValueTask<bool> IsIntactAsync(BlobId id, CancellationToken cancellation = default)
    {
        cancellation.ThrowIfCancellationRequested();
        return ValueTask.FromResult(IsIntact(id));
    }

    public ValueTask<string> FileOfAsync(BlobId id, CancellationToken cancellation = default) =>
        IsIntact(id) ? ValueTask.FromResult(PathOf(id)) : throw Unusable(id);

    /// <summary>Where the blob's file is.</summary>
    public string PathOf(BlobId id) => Path.Combine(_root, id.Value[..2], id.Value);

    /// <summary>Removes what killed processes left half written; who is just writing writes again.</summary>
    public void DiscardUnfinished()
    {
        foreach (string file in Directory.EnumerateFiles(_unfinished))
            File.Delete(file);
    }

    private QuantException Unusable(BlobId id) => new(ExitCode.CannotWrite, File.Exists(PathOf(id))
        ? $"{PathOf(id)}: is damaged (its bytes no longer have its checksum). 'quant resume' makes it again."
        : $"{PathOf(id)}: is missing from the job. 'quant resume' makes it again.");

    private bool IsIntact(BlobId id)
    {
        string path = PathOf(id);
        return File.Exists(path) && ContentHash.OfFile(path) == id.Value;
    }
}
