namespace QuantCluster.Jobs;

/// <summary>
/// Files that will be renamed to their place beside them: <c>.NAME.TOKEN.quant-part</c>, another token for each writer.
/// Who writes one holds the system's lock of it until it has its name; one that nobody holds was left by a killed process.
/// </summary>
internal static class TemporaryFile
{
    private const string Extension = ".quant-part";
    private const int TokenLength = 8;

    /// <summary>How many names are tried: a new file may be taken for a leftover in the moment before it is locked.</summary>
    private const int Attempts = 5;

    /// <summary>Creates one, and removes what killed processes left.</summary>
    /// <param name="path">The file that it will be.</param>
    /// <returns>Empty and open for writing; it may be renamed and deleted while it is.</returns>
    /// <exception cref="IOException">It cannot be created.</exception>
    /// <exception cref="UnauthorizedAccessException">It must not be created.</exception>
    public static FileStream Open(string path)
    {
        string full = Path.GetFullPath(path);
        RemoveLeftovers(full);
        for (int attempt = 1; ; attempt++)
        {
            string name = $".{Path.GetFileName(full)}.{Guid.NewGuid().ToString("N")[..TokenLength]}{Extension}";
            try
            {
                FileStream stream = new(Path.Combine(Path.GetDirectoryName(full)!, name), FileMode.CreateNew, FileAccess.Write, FileShare.Delete, bufferSize: 1 << 16);
                if (File.Exists(stream.Name) || attempt == Attempts)
                    return stream;
                stream.Dispose();
            }
            catch (IOException) when (attempt < Attempts)
            {
            }
        }
    }

    /// <summary>Whether a file is one that is to be, or was to be, <paramref name="path"/>.</summary>
    public static bool IsOf(string path, string file)
    {
        ReadOnlySpan<char> name = Path.GetFileName(file.AsSpan());
        string start = $".{Path.GetFileName(path)}.";
        return name.Length == start.Length + TokenLength + Extension.Length && name.StartsWith(start, StringComparison.Ordinal) && name.EndsWith(Extension, StringComparison.Ordinal);
    }

    private static void RemoveLeftovers(string path)
    {
        try
        {
            foreach (string left in Directory.EnumerateFiles(Path.GetDirectoryName(path)!, $".*{Extension}").Where(f => IsOf(path, f)))
                Remove(left);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Whether the folder can be written to is found out by writing.
        }
    }

    private static void Remove(string left)
    {
        try
        {
            // Deleted while it is locked: nobody can have begun to write it in between.
            new FileStream(left, FileMode.Open, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose).Dispose();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Being written just now, or another user's.
        }
    }
}
