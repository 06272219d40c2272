namespace QuantCluster.Data;

/// <summary>Opening the files that a spec names, with errors a person can act on.</summary>
internal static class DataFile
{
    public static FileStream Open(string path) => Guard(path, () => new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 4096, FileOptions.RandomAccess));

    /// <param name="path">The file.</param>
    /// <param name="maximum">Bytes beyond which the file is refused before anything is allocated.</param>
    public static byte[] ReadAll(string path, long maximum) => Guard(path, () =>
    {
        using FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        if (stream.Length > maximum)
            throw new QuantException(ExitCode.BadData, $"{path}: {stream.Length} bytes, more than the {maximum} that such a file may have.");
        byte[] bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    });

    /// <summary>A folder's files, also of folders in it, hidden ones left out, in the ordinal order of their paths.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="endings">Which files, e.g. <c>.png</c>; <c>*</c> for all.</param>
    public static string[] In(string folder, params string[] endings) => Guard(folder, () =>
    {
        // The depth is bounded against links that lead back up.
        EnumerationOptions options = new() { RecurseSubdirectories = true, MaxRecursionDepth = 8, IgnoreInaccessible = false };
        return Directory.EnumerateFiles(folder, "*", options)
            .Where(f => endings is ["*"] || endings.Contains(Path.GetExtension(f), StringComparer.OrdinalIgnoreCase))
            .OrderBy(f => Path.GetRelativePath(folder, f).Replace('\\', '/'), StringComparer.Ordinal)
            .ToArray();
    });

    private static T Guard<T>(string path, Func<T> open)
    {
        try
        {
            return open();
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new QuantException(ExitCode.BadData, $"{path}: no such file.", e);
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException or NotSupportedException or ArgumentException)
        {
            string reason = Directory.Exists(path) ? "it is a folder" : e.Message;
            throw new QuantException(ExitCode.BadData, $"{path}: cannot be read: {reason}", e);
        }
    }
}
