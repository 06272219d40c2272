namespace QuantCluster.Jobs;

/// <summary>What identifies the inputs of a job, so that a resumed job notices that they changed.</summary>
public static class Fingerprint
{
    /// <summary>Files up to this size are hashed whole.</summary>
    public const long WholeFileLimit = 64L << 20;

    private const int Pieces = 64;
    private const int PieceBytes = 1 << 20;

    /// <summary>
    /// Hash of a data file, or of all files of a folder with their names. Of files larger than
    /// <see cref="WholeFileLimit"/> the length and 64 evenly spread pieces of 1 MiB are hashed: minutes of reading
    /// before the work starts would cost more than they are worth.
    /// </summary>
    public static string Of(string path)
    {
        using ContentHash hash = new();
        if (Directory.Exists(path))
        {
            foreach (string file in Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
                hash.Add(Path.GetRelativePath(path, file)).Add(OfFile(file));
        }
        else
        {
            hash.Add(OfFile(path));
        }

        return hash.Finish();
    }

    private static string OfFile(string path)
    {
        long length = new FileInfo(path).Length;
        if (length <= WholeFileLimit)
            return ContentHash.OfFile(path);
        using ContentHash hash = new();
        hash.Add(length);
        using FileStream stream = File.OpenRead(path);
        byte[] piece = new byte[PieceBytes];
        for (long i = 0; i < Pieces; i++)
        {
            stream.Position = (length - PieceBytes) / (Pieces - 1) * i;
            hash.Add(piece.AsSpan(0, stream.ReadAtLeast(piece, PieceBytes, throwOnEndOfStream: false)));
        }

        return hash.Finish();
    }
}
