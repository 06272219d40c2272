using QuantCluster.Inference;
using QuantCluster.Onnx;

namespace QuantCluster.Data.Sources;

/// <summary>A raw file of little-endian numbers, records one after the other; the spec gives <c>dtype</c> and a record's <c>shape</c>.</summary>
internal sealed class RawReader : IDatasetReader
{
    public string Name => ".bin";

    public bool CanRead(InputSpec input) => Path.GetExtension(input.File).ToLowerInvariant() is ".bin" or ".raw" && File.Exists(input.File);

    public IRecordSource Open(InputSpec input, ValueSignature model)
    {
        if (input.Type is not { } type || input.Shape is not { } given)
            throw new QuantException(ExitCode.BadData, $"{input.File}: a raw file needs \"dtype\" and \"shape\" (of one record) in the spec.");
        long[] shape = [.. given];
        long bytes = RecordShape.ElementCount(shape, input.File) * type.Size();
        FileStream stream = DataFile.Open(input.File);
        if (bytes is 0 or > int.MaxValue || stream.Length % bytes != 0 || stream.Length / bytes > int.MaxValue)
        {
            long length = stream.Length;
            stream.Dispose();
            throw new QuantException(ExitCode.BadData, $"{input.File}: {length} bytes are no whole number of records of {RecordShape.Format(shape)} {type.Name()} ({bytes} bytes each).");
        }

        return new RawRecords(stream, type, shape, (int)(stream.Length / bytes), bytes, input.File);
    }

    private sealed class RawRecords(FileStream stream, ElementType type, long[] shape, int count, long bytes, string file) : IRecordSource
    {
        // An empty file cannot be mapped; it has no record to read either.
        private readonly MappedRecords _records = new(stream, 0, count == 0 ? 0 : bytes);

        public ElementType Type => type;

        public int Count => count;

        public long[]? Shape => shape;

        public string Describe(int record) => $"{file}, record {record}";

        public Record Read(int record) => _records.Read(record, shape);

        public void Dispose() => _records.Dispose();
    }
}
