using Google.Protobuf;

namespace QuantCluster.Onnx;

/// <summary>The data files of one model while it is being read.</summary>
/// <param name="filesStay">Whether they are there as long as the model is, so that copies of it may link to them.</param>
internal sealed class DataFiles(bool filesStay) : IDisposable
{
    private readonly Dictionary<string, FileStream> _files = [];
    private readonly Dictionary<string, MappedFile?> _maps = [];

    /// <summary>The file, opened once; null where there is none.</summary>
    public FileStream? Open(string path)
    {
        if (!_files.TryGetValue(path, out FileStream? file) && File.Exists(path))
            _files[path] = file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        return file;
    }

    /// <summary>Bytes of a file that is open, checked by the caller to be there: small ones copied, large ones mapped.</summary>
    public ByteString Read(string path, long offset, int length)
    {
        ByteString bytes = length >= MappedFile.SmallestTensor && Map(path) is { } map ? map.Slice(offset, length) : Copy(_files[path], offset, length);
        if (filesStay && length >= OnnxModel.SmallestExternal)
            StoredTensors.Remember(bytes, path, offset);
        return bytes;
    }

    public void Dispose()
    {
        foreach (FileStream file in _files.Values)
            file.Dispose();
    }

    private static ByteString Copy(FileStream file, long offset, int length)
    {
        byte[] bytes = new byte[length];
        file.Position = offset;
        file.ReadExactly(bytes);
        return UnsafeByteOperations.UnsafeWrap(bytes);
    }

    private MappedFile? Map(string path)
    {
        if (!_maps.TryGetValue(path, out MappedFile? map))
            _maps[path] = map = TryMap(path);
        return map;
    }

    private MappedFile? TryMap(string path)
    {
        // Windows does not delete a file that is mapped.
        if (!filesStay && OperatingSystem.IsWindows())
            return null;
        try
        {
            return new MappedFile(_files[path]);
        }
        catch (IOException)
        {
            // A file system that cannot.
            return null;
        }
    }
}
