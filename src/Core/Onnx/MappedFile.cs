using System.Buffers;
using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using Google.Protobuf;
using Microsoft.Win32.SafeHandles;

namespace QuantCluster.Onnx;

/// <summary>
/// A data file mapped into memory: its tensors are in memory only where they are being read, and only as pages that the
/// system may take back. The map lasts as long as anybody holds a tensor of it.
/// </summary>
/// <remarks>
/// Who reads a tensor's span must hold the tensor until it is done (<see cref="GC.KeepAlive"/>): a span alone does not
/// keep the map.
/// </remarks>
internal sealed partial class MappedFile
{
    /// <summary>Smaller tensors are copied: a page costs as much.</summary>
    public const int SmallestTensor = 1 << 16;

    private const int DropPages = 4;

    private static readonly List<WeakReference<MappedFile>> Open = [];

    private readonly MemoryMappedViewAccessor _view;
    private readonly nuint _length;

    /// <exception cref="IOException">The file cannot be mapped.</exception>
    public MappedFile(FileStream file)
    {
        using MemoryMappedFile map = MemoryMappedFile.CreateFromFile(file, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
        _view = map.CreateViewAccessor(0, file.Length, MemoryMappedFileAccess.Read);
        _length = (nuint)file.Length;
        lock (Open)
        {
            Open.RemoveAll(m => !m.TryGetTarget(out _));
            Open.Add(new WeakReference<MappedFile>(this));
        }
    }

    /// <summary>Whether <paramref name="bytes"/> lie in a mapped file rather than in memory of their own.</summary>
    public static bool Holds(ByteString bytes) => MemoryMarshal.TryGetMemoryManager<byte, Part>(bytes.Memory, out _);

    /// <summary>Bytes of the file; checked by the caller to be inside it.</summary>
    public ByteString Slice(long offset, int length) => UnsafeByteOperations.UnsafeWrap(new Part(this, offset, length).Memory);

    /// <summary>Takes what was read so far out of this process's memory; reading it again is as before.</summary>
    public static void ReleasePages()
    {
        if (!OperatingSystem.IsLinux())
            return;
        MappedFile[] maps;
        lock (Open)
            maps = [.. Open.Select(m => m.TryGetTarget(out MappedFile? map) ? map : null).OfType<MappedFile>()];
        foreach (MappedFile map in maps)
        {
            _ = Advise(map.Handle.DangerousGetHandle(), map._length, DropPages);
            GC.KeepAlive(map);
        }
    }

    private SafeMemoryMappedViewHandle Handle => _view.SafeMemoryMappedViewHandle;

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(nint address, nuint length, int advice);

    private sealed unsafe class Part(MappedFile file, long offset, int length) : MemoryManager<byte>
    {
        public override Span<byte> GetSpan() => new((byte*)file.Handle.DangerousGetHandle() + offset, length);

        public override MemoryHandle Pin(int elementIndex = 0) =>
            new((byte*)file.Handle.DangerousGetHandle() + offset + elementIndex, pinnable: this);

        public override void Unpin()
        {
        }

        protected override void Dispose(bool disposing)
        {
        }
    }
}
