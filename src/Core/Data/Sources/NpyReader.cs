using QuantCluster.Inference;
using QuantCluster.Onnx;

namespace QuantCluster.Data.Sources;

/// <summary>A NumPy array file; its first dimension counts records.</summary>
internal sealed class NpyReader : IDatasetReader
{
    public string Name => ".npy";

    public bool CanRead(InputSpec input) => input.File.EndsWith(".npy", StringComparison.OrdinalIgnoreCase) && File.Exists(input.File);

    public IRecordSource Open(InputSpec input, ValueSignature model) => NpyRecords.Open(DataFile.Open(input.File), model, input.File);
}

/// <summary>The records of one <c>.npy</c> stream, mapped as they are read.</summary>
internal sealed class NpyRecords : IRecordSource
{
    private readonly MappedRecords _records;
    private readonly string _file;
    private readonly long[] _shape;

    private NpyRecords(MappedRecords records, ElementType type, int count, long[] shape, string file)
    {
        _records = records;
        _shape = shape;
        _file = file;
        Type = type;
        Count = count;
    }

    public ElementType Type { get; }

    public int Count { get; }

    public long[]? Shape => _shape;

    /// <param name="stream">The file, at the header; owned from now on.</param>
    /// <param name="model">The input the records are for.</param>
    /// <param name="file">What errors call it.</param>
    public static NpyRecords Open(FileStream stream, ValueSignature model, string file)
    {
        try
        {
            NpyHeader header = NpyHeader.Read(stream, file);
            if (stream.Length < header.DataOffset + header.DataBytes)
                throw new QuantException(ExitCode.BadData, $"{file}: truncated: {RecordShape.Format(header.Shape)} of {header.Type.Name()} needs {header.DataOffset + header.DataBytes} bytes, the file has {stream.Length}.");
            (long count, long[] shape) = RecordShape.Split(header.Shape, model, file);
            long recordBytes = count == 0 ? 0 : header.DataBytes / count;
            if (count > int.MaxValue || recordBytes > int.MaxValue)
                throw new QuantException(ExitCode.BadData, $"{file}: {count} records of {recordBytes} bytes are more than can be read.");
            return new NpyRecords(new MappedRecords(stream, header.DataOffset, recordBytes), header.Type, (int)count, shape, file);
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    public string Describe(int record) => $"{_file}, record {record}";

    public Record Read(int record) => _records.Read(record, _shape);

    public void Dispose() => _records.Dispose();
}
