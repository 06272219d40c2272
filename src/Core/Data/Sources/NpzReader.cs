using System.IO.Compression;
using QuantCluster.Inference;

namespace QuantCluster.Data.Sources;

/// <summary>
/// A NumPy archive: one array of it. A compressed array cannot be read from its middle, so it is unpacked once, to a
/// temporary file that no name leads to, and mapped from there.
/// </summary>
internal sealed class NpzReader : IDatasetReader
{
    // Deflate cannot pass 1032:1, and real data hardly passes 100:1. Small arrays of constants may.
    private const long SuspiciousRatio = 200;
    private const long AlwaysAllowed = 1L << 30;

    public string Name => ".npz";

    public bool CanRead(InputSpec input) => input.File.EndsWith(".npz", StringComparison.OrdinalIgnoreCase) && File.Exists(input.File);

    public IRecordSource Open(InputSpec input, ValueSignature model)
    {
        using FileStream file = DataFile.Open(input.File);
        try
        {
            using ZipArchive archive = new(file, ZipArchiveMode.Read);
            ZipArchiveEntry entry = Choose(archive, input, model);
            string name = $"{input.File}:{entry.FullName}";
            return NpyRecords.Open(Unpack(entry, name), model, name);
        }
        catch (InvalidDataException e)
        {
            throw new QuantException(ExitCode.BadData, $"{input.File}: not an .npz archive, or damaged: {e.Message}", e);
        }
        catch (IOException e)
        {
            throw new QuantException(ExitCode.BadData, $"{input.File}: cannot be unpacked into {Path.GetTempPath()}: {e.Message} Unpack it and name the .npy instead.", e);
        }
    }

    private static ZipArchiveEntry Choose(ZipArchive archive, InputSpec input, ValueSignature model)
    {
        // Nothing is written under an entry's name; a name that tries to leave the archive still tells of one made to harm.
        if (archive.Entries.FirstOrDefault(e => e.FullName.Split('/', '\\').Contains("..") || Path.IsPathRooted(e.FullName)) is { } escaping)
            throw new QuantException(ExitCode.BadData, $"{input.File}: entry {escaping.FullName} points outside the archive; it is refused as a whole.");
        string key = input.Key ?? model.Name;
        ZipArchiveEntry[] arrays = [.. archive.Entries.Where(e => e.FullName.EndsWith(".npy", StringComparison.Ordinal))];
        if (arrays.FirstOrDefault(e => e.FullName == key + ".npy") is { } named)
            return named;
        if (input.Key is null && arrays.Length == 1)
            return arrays[0];
        throw new QuantException(
            ExitCode.BadData,
            $"{input.File}: has no array {key}; it has {(arrays.Length == 0 ? "none" : string.Join(", ", arrays.Select(e => e.FullName[..^4])))}. Choose one by \"key\" in the spec.");
    }

    private static FileStream Unpack(ZipArchiveEntry entry, string name)
    {
        using Stream packed = entry.Open();
        NpyHeader header = NpyHeader.Read(packed, name);
        long declared = header.DataOffset + header.DataBytes;
        if (entry.Length != declared)
            throw new QuantException(ExitCode.BadData, $"{name}: truncated or damaged: {RecordShape.Format(header.Shape)} of {header.Type.Name()} needs {declared} bytes, the archive says {entry.Length}.");
        if (declared > AlwaysAllowed && declared / SuspiciousRatio > entry.CompressedLength)
            throw new QuantException(ExitCode.BadData, $"{name}: {entry.CompressedLength} bytes would unpack to {declared}; refused as a possible zip bomb. If it is genuine, unpack it and name the .npy.");

        FileStream unpacked = CreateNameless();
        try
        {
            using (Stream whole = entry.Open())
                CopyExactly(whole, unpacked, declared, name);
            unpacked.Position = 0;
            return unpacked;
        }
        catch
        {
            unpacked.Dispose();
            throw;
        }
    }

    private static void CopyExactly(Stream source, FileStream target, long bytes, string name)
    {
        byte[] buffer = new byte[1 << 16];
        for (long left = bytes; left > 0;)
        {
            int read = source.Read(buffer, 0, (int)Math.Min(buffer.Length, left));
            if (read == 0)
                throw new QuantException(ExitCode.BadData, $"{name}: truncated.");
            target.Write(buffer, 0, read);
            left -= read;
        }

        target.Flush();
    }

    private static FileStream CreateNameless()
    {
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        FileStream stream = new(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Delete, 1 << 16, FileOptions.DeleteOnClose);
        // On Unix the name can go at once, so that a killed process leaves nothing behind; Windows removes it itself.
        if (!OperatingSystem.IsWindows())
            File.Delete(path);
        return stream;
    }
}
