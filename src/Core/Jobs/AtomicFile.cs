using System.Runtime.InteropServices;

namespace QuantCluster.Jobs;

/// <summary>Files that are there whole or not at all: written under another name, flushed to the disk, renamed.</summary>
public static partial class AtomicFile
{
    /// <summary>
    /// Replaces <paramref name="path"/>. The temporary name is always the same, so a killed process leaves at most
    /// one such file behind and the next write takes it over; two writers of one path must exclude each other.
    /// </summary>
    /// <exception cref="QuantException">The file cannot be written (<see cref="ExitCode.CannotWrite"/>).</exception>
    public static void Write(string path, ReadOnlySpan<byte> bytes) => Write(path, TemporaryName(path), bytes);

    /// <param name="path">Where the file will be.</param>
    /// <param name="temporary">Where it is while it is being written: on the same file system.</param>
    /// <param name="bytes">All of the file.</param>
    public static void Write(string path, string temporary, ReadOnlySpan<byte> bytes)
    {
        try
        {
            using (FileStream stream = new(temporary, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0))
            {
                stream.Write(bytes);
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
            FlushDirectory(Path.GetDirectoryName(path)!);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            TryDelete(temporary);
            throw new QuantException(ExitCode.CannotWrite, $"{path}: cannot be written: {e.Message}", e);
        }
    }

    /// <summary>Writes a file that another process is not to see yet, and flushes it to the disk.</summary>
    /// <exception cref="QuantException">The file cannot be written (<see cref="ExitCode.CannotWrite"/>).</exception>
    public static void Create(string temporary, Action<Stream> write)
    {
        try
        {
            using FileStream stream = new(temporary, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 1 << 16);
            write(stream);
            stream.Flush(flushToDisk: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            TryDelete(temporary);
            throw new QuantException(ExitCode.CannotWrite, $"{temporary}: cannot be written: {e.Message}", e);
        }
    }

    /// <summary>Gives a file that is whole its name, replacing what had it.</summary>
    /// <exception cref="QuantException">It cannot be renamed (<see cref="ExitCode.CannotWrite"/>).</exception>
    public static void Rename(string temporary, string path)
    {
        try
        {
            File.Move(temporary, path, overwrite: true);
            FlushDirectory(Path.GetDirectoryName(path)!);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            TryDelete(temporary);
            throw new QuantException(ExitCode.CannotWrite, $"{path}: cannot be written: {e.Message}", e);
        }
    }

    /// <summary>
    /// Finds out before hours of work whether <see cref="Write(string, ReadOnlySpan{byte})"/> can succeed later.
    /// </summary>
    /// <exception cref="QuantException">It cannot; the message says why (<see cref="ExitCode.CannotWrite"/>).</exception>
    public static void EnsureWritable(string path, string option)
    {
        string directory = Path.GetDirectoryName(Path.GetFullPath(path))!;
        if (Directory.Exists(path))
            throw new QuantException(ExitCode.CannotWrite, $"{path}: is a folder; {option} needs the name of a file.");
        if (!Directory.Exists(directory))
            throw new QuantException(ExitCode.CannotWrite, $"{path}: the folder {directory} does not exist. Create it, or choose another {option}.");
        string temporary = TemporaryName(path);
        try
        {
            File.Create(temporary, 1).Dispose();
            File.Delete(temporary);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new QuantException(ExitCode.CannotWrite, $"{path}: the folder {directory} cannot be written to. Change its permissions, or choose another {option}.", e);
        }
    }

    /// <summary>Makes a rename or a new file in the folder survive a power cut, where the system has such a call.</summary>
    public static void FlushDirectory(string directory)
    {
        if (OperatingSystem.IsWindows())
            return;
        int handle = OpenDirectory(directory, 0);
        if (handle < 0)
            return;
        _ = Synchronize(handle);
        _ = Close(handle);
    }

    /// <summary>Where a file is while it is being written beside its place.</summary>
    internal static string TemporaryName(string path)
    {
        string full = Path.GetFullPath(path);
        return Path.Combine(Path.GetDirectoryName(full)!, $".{Path.GetFileName(full)}.quant-part");
    }

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The first failure is the one to report.
        }
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenDirectory(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync")]
    private static partial int Synchronize(int handle);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int handle);
}
