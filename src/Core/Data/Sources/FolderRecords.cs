using QuantCluster.Onnx;

namespace QuantCluster.Data.Sources;

/// <summary>
/// The records of many files, one file after the other. Headers are read once; a file is opened when one of its
/// records is, so that a folder of a million files needs no more handles than threads.
/// </summary>
internal sealed class FolderRecords : IRecordSource
{
    private readonly string[] _files;
    private readonly int[] _ends;
    private readonly Func<string, IRecordSource> _open;

    /// <param name="folder">What errors call the whole.</param>
    /// <param name="files">The files, in order.</param>
    /// <param name="open">Opens one.</param>
    /// <exception cref="QuantException">A file is damaged, or of another type than the first.</exception>
    public FolderRecords(string folder, string[] files, Func<string, IRecordSource> open)
    {
        _files = files;
        _ends = new int[files.Length];
        _open = open;
        long count = 0;
        for (int i = 0; i < files.Length; i++)
        {
            using IRecordSource source = open(files[i]);
            if (i == 0)
                (Type, Shape) = (source.Type, source.Shape);
            if (source.Type != Type)
                throw new QuantException(ExitCode.BadData, $"{files[i]}: holds {source.Type.Name()}, but {files[0]} holds {Type.Name()}; all files of {folder} need one type.");
            if (Shape is not null && !(source.Shape ?? []).AsSpan().SequenceEqual(Shape))
                Shape = null;
            count += source.Count;
            if (count > int.MaxValue)
                throw new QuantException(ExitCode.BadData, $"{folder}: more than {int.MaxValue} records.");
            _ends[i] = (int)count;
        }

        Count = (int)count;
    }

    public ElementType Type { get; }

    public int Count { get; }

    public long[]? Shape { get; }

    public string Describe(int record)
    {
        (int file, int inFile) = Place(record);
        return _ends[file] - (file == 0 ? 0 : _ends[file - 1]) == 1 ? _files[file] : $"{_files[file]}, record {inFile}";
    }

    public Record Read(int record)
    {
        (int file, int inFile) = Place(record);
        IRecordSource source = _open(_files[file]);
        try
        {
            return new OwningRecord(source.Read(inFile), source);
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
    }

    private (int File, int InFile) Place(int record)
    {
        int at = Array.BinarySearch(_ends, record + 1);
        int file = at < 0 ? ~at : at;
        // Files without records share their end with the file before; the first of equals holds the record.
        while (file > 0 && _ends[file - 1] == _ends[file])
            file--;
        return (file, record - (file == 0 ? 0 : _ends[file - 1]));
    }

    private sealed class OwningRecord(Record record, IRecordSource source) : Record(record.Shape)
    {
        public override ReadOnlySpan<byte> Bytes => record.Bytes;

        public override void Dispose()
        {
            record.Dispose();
            source.Dispose();
        }
    }
}
