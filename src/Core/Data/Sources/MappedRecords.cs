using System.IO.MemoryMappedFiles;

namespace QuantCluster.Data.Sources;

/// <summary>
/// Records of equal size that lie one after the other in a file. Each read maps its record only, and unmaps it
/// after: a mapping of the whole file would let the process's memory grow with every sample it touched.
/// </summary>
internal sealed class MappedRecords(FileStream file, long offset, long recordBytes) : IDisposable
{
    private readonly MemoryMappedFile? _map = recordBytes == 0
        ? null
        : MemoryMappedFile.CreateFromFile(file, mapName: null, capacity: 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: false);

    public Record Read(int record, long[] shape) => _map is null
        ? new ArrayRecord(shape, default)
        : new MappedRecord(_map.CreateViewAccessor(offset + (record * recordBytes), recordBytes, MemoryMappedFileAccess.Read), (int)recordBytes, shape);

    public void Dispose()
    {
        _map?.Dispose();
        file.Dispose();
    }

    private sealed unsafe class MappedRecord : Record
    {
        private readonly MemoryMappedViewAccessor _view;
        private readonly byte* _start;
        private readonly int _length;

        public MappedRecord(MemoryMappedViewAccessor view, int length, long[] shape)
            : base(shape)
        {
            _view = view;
            _length = length;
            byte* start = null;
            view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
            // The view starts at a page boundary; the record somewhere behind it.
            _start = start + view.PointerOffset;
        }

        public override ReadOnlySpan<byte> Bytes => new(_start, _length);

        public override void Dispose()
        {
            _view.SafeMemoryMappedViewHandle.ReleasePointer();
            _view.Dispose();
        }
    }
}
