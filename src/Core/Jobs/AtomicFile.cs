using System.Runtime.InteropServices;

namespace QuantCluster.Jobs;

/// <summary>Files that are there whole or not at all: written under another name, flushed to the disk, renamed.</summary>
public static partial class AtomicFile
{
    /// <summary>
    /// Replaces <paramref name="path"/>. Each writer has a temporary name of its own (<see cref="TemporaryFile"/>), so
    /// that of many writers of one path the last one's file is there, whole.
    /// </summary>
    /// <exception cref="QuantException">The file cannot be written (<see cref="ExitCode.CannotWrite"/>).</exception>
    public static void Write(string path, ReadOnlySpan<byte> bytes) => Write(path, bytes, static (stream, all) => stream.Write(all));

    /// <inheritdoc cref="Write(string, ReadOnlySpan{byte})"/>
    /// <param name="path">The file.</param>
    /// <param name="write">Writes all of it: for more than fits in memory at once.</param>
    public static void Write(string path, Action<Stream> write) => Write(path, write, static (stream, writeAll) => writeAll(stream));

    /// <param name="path">Where the file will be.</param>
    /// <param name="temporary">Where it is while it is being written, known to this writer alone: on the same file system.</param>
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
            throw Failure(path, e, temporary);
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
            throw Failure(temporary, e, temporary);
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
            throw Failure(path, e, temporary);
        }
    }

    /// <summary>
    /// Finds out before hours of work whether <see cref="Write(string, ReadOnlySpan{byte})"/> can succeed later. Others may
    /// do so, or write, at the same time.
    /// </summary>
    /// <exception cref="QuantException">It cannot; the message says why (<see cref="ExitCode.CannotWrite"/>).</exception>
    public static void EnsureWritable(string path, string option)
    {
        string directory = Path.GetDirectoryName(Path.GetFullPath(path))!;
        if (Directory.Exists(path))
            throw new QuantException(ExitCode.CannotWrite, $"{path}: is a folder; {option} needs the name of a file.");
        if (!Directory.Exists(directory))
            throw new QuantException(ExitCode.CannotWrite, $"{path}: the folder {directory} does not exist. Create it, or choose another {option}.");
        try
        {
            using FileStream probe = TemporaryFile.Open(path);
            File.Delete(probe.Name);
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

    private static void Write<T>(string path, T content, Action<Stream, T> write)
        where T : allows ref struct
    {
        FileStream? stream = null;
        try
        {
            using (stream = TemporaryFile.Open(path))
            {
                write(stream, content);
                Finish(stream, path);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Failure(path, e, stream?.Name);
        }
    }

    /// <summary>Renames a file that is whole while it is still open: until it has its name no one may take it for a leftover.</summary>
    private static void Finish(FileStream stream, string path)
    {
        stream.Flush(flushToDisk: true);
        File.Move(stream.Name, path, overwrite: true);
        FlushDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
    }

    /// <param name="path">What could not be written.</param>
    /// <param name="why">The first failure is the one to report.</param>
    /// <param name="temporary">What is left of the attempt; null for nothing.</param>
    private static QuantException Failure(string path, Exception why, string? temporary)
    {
        try
        {
            if (temporary is not null)
                File.Delete(temporary);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
        }

        return new QuantException(ExitCode.CannotWrite, $"{path}: cannot be written: {why.Message}", why);
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenDirectory(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync")]
    private static partial int Synchronize(int handle);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int handle);
}
