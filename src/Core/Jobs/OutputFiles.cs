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

    /// <inheritdoc cref="AtomicFile.Write(string, ReadOnlySpan{byte})"/>
    public void Write(string path, ReadOnlySpan<byte> bytes)
    {
        if (staging is null)
            AtomicFile.Write(path, bytes);
        else
            AtomicFile.Write(path, StagedFile(), bytes);
    }

    /// <inheritdoc cref="AtomicFile.Write(string, Action{Stream})"/>
    public void Write(string path, Action<Stream> write)
    {
        if (staging is null)
        {
            AtomicFile.Write(path, write);
            return;
        }

        string temporary = StagedFile();
        AtomicFile.Create(temporary, write);
        AtomicFile.Rename(temporary, path);
    }

    /// <summary>The name of a new file of the staging folder.</summary>
    internal string StagedFile() => Path.Combine(staging!, Guid.NewGuid().ToString("N"));

    /// <summary>Replaces <paramref name="path"/> by a copy of another file.</summary>
    /// <exception cref="QuantException">The file cannot be written (<see cref="ExitCode.CannotWrite"/>).</exception>
    public void Copy(string source, string path) => Write(path, stream =>
    {
        using FileStream from = File.OpenRead(source);
        from.CopyTo(stream, 1 << 20);
    });
}
