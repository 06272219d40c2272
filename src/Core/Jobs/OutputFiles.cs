namespace QuantCluster.Jobs;

/// <summary>
/// How a job writes the files that others read: whole or not at all, under another name first. In a cluster that name
/// lies in its coordinator's own folder (<see cref="JobTenure"/>), so that one whose time is over can rename nothing any more.
/// </summary>
/// <param name="staging">The folder, on the file system of all that is written; null for that of each file.</param>
public sealed class OutputFiles(string? staging = null)
{
    /// <summary>Each file is first written beside its place.</summary>
    public static OutputFiles InPlace { get; } = new();

    /// <summary>Where a file is while it is being written.</summary>
    public string TemporaryOf(string path) => staging is null ? AtomicFile.TemporaryName(path) : Path.Combine(staging, Guid.NewGuid().ToString("N"));

    /// <inheritdoc cref="AtomicFile.Write(string, ReadOnlySpan{byte})"/>
    public void Write(string path, ReadOnlySpan<byte> bytes) => AtomicFile.Write(path, TemporaryOf(path), bytes);

    /// <summary>Replaces <paramref name="path"/> by what <paramref name="write"/> writes: for more than fits in memory at once.</summary>
    /// <exception cref="QuantException">The file cannot be written (<see cref="ExitCode.CannotWrite"/>).</exception>
    public void Write(string path, Action<Stream> write)
    {
        string temporary = TemporaryOf(path);
        AtomicFile.Create(temporary, write);
        AtomicFile.Rename(temporary, path);
    }

    /// <summary>Replaces <paramref name="path"/> by a copy of another file.</summary>
    /// <exception cref="QuantException">The file cannot be written (<see cref="ExitCode.CannotWrite"/>).</exception>
    public void Copy(string source, string path) => Write(path, stream =>
    {
        using FileStream from = File.OpenRead(source);
        from.CopyTo(stream, 1 << 20);
    });
}
