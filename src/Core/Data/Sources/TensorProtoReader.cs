using System.Globalization;
using System.Runtime.InteropServices;
using Google.Protobuf;
using QuantCluster.Inference;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Data.Sources;

/// <summary>
/// ONNX test data: one <c>.pb</c> tensor, a folder of them, or a model's folder of <c>test_data_set_N</c> folders, each
/// with an <c>input_M.pb</c> (which M: the spec's <c>key</c>, by default <c>input_0</c>).
/// </summary>
internal sealed class TensorProtoReader : IDatasetReader
{
    private const string SetPrefix = "test_data_set_";

    public string Name => ".pb (ONNX test data)";

    /// <summary>Whether a folder holds numbered inputs for a whole model.</summary>
    public static bool HoldsTestSets(string folder) => Directory.Exists(folder) && (Sets(folder).Length > 0 || File.Exists(Path.Combine(folder, "input_0.pb")));

    public bool CanRead(InputSpec input) => File.Exists(input.File)
        ? input.File.EndsWith(".pb", StringComparison.OrdinalIgnoreCase)
        : HoldsTestSets(input.File) || DataFile.In(input.File, ".pb").Length > 0;

    public IRecordSource Open(InputSpec input, ValueSignature model) => File.Exists(input.File)
        ? OpenFile(input.File, model)
        : new FolderRecords(input.File, Files(input), file => OpenFile(file, model));

    private static string[] Files(InputSpec input)
    {
        string name = (input.Key ?? "input_0") + ".pb";
        if (!HoldsTestSets(input.File))
            return DataFile.In(input.File, ".pb");
        if (name != Path.GetFileName(name))
            throw new QuantException(ExitCode.BadData, $"{input.File}: \"key\" {input.Key} points outside the folder.");
        string[] sets = Sets(input.File);
        return [.. (sets.Length > 0 ? sets : [input.File]).Select(set => Path.Combine(set, name))];
    }

    /// <summary>By their numbers: set 10 comes after set 9.</summary>
    private static string[] Sets(string folder) => [.. Directory.EnumerateDirectories(folder, SetPrefix + "*")
        .Select(path => (Path: path, Number: int.TryParse(Path.GetFileName(path)[SetPrefix.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : -1))
        .Where(set => set.Number >= 0)
        .OrderBy(set => set.Number)
        .ThenBy(set => set.Path, StringComparer.Ordinal)
        .Select(set => set.Path)];

    private static TensorRecords OpenFile(string file, ValueSignature model)
    {
        FileStream stream = DataFile.Open(file);
        try
        {
            return new TensorRecords(stream, model, file);
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    private sealed class TensorRecords : IRecordSource
    {
        private readonly string _file;
        private readonly long[] _shape;
        private readonly MappedRecords? _mapped;
        private readonly ReadOnlyMemory<byte> _values;

        public TensorRecords(FileStream stream, ValueSignature model, string file)
        {
            _file = file;
            TensorProtoHeader header = TensorProtoHeader.Read(stream, file);
            (long count, _shape) = RecordShape.Split(header.Shape, model, file);
            long bytes = RecordShape.ElementCount(_shape, file) * header.Type.Size();
            if (count > int.MaxValue || bytes > int.MaxValue)
                throw new QuantException(ExitCode.BadData, $"{file}: {count} records of {bytes} bytes are more than can be read.");
            (Count, Type) = ((int)count, header.Type);
            if (header.RawOffset >= 0)
            {
                _mapped = new MappedRecords(stream, header.RawOffset, count == 0 ? 0 : bytes);
                return;
            }

            // Typed fields are packed with variable lengths: no record can be found without reading those before it.
            _values = Parse(stream, header, count * bytes);
            stream.Dispose();
        }

        public ElementType Type { get; }

        public int Count { get; }

        public long[]? Shape => _shape;

        public string Describe(int record) => $"{_file}, record {record}";

        public Record Read(int record)
        {
            if (_mapped is not null)
                return _mapped.Read(record, _shape);
            int bytes = _values.Length / Count;
            return new ArrayRecord(_shape, _values.Slice(record * bytes, bytes));
        }

        public void Dispose() => _mapped?.Dispose();

        private byte[] Parse(FileStream stream, TensorProtoHeader header, long bytes)
        {
            stream.Position = 0;
            TensorProto tensor;
            try
            {
                tensor = TensorProto.Parser.ParseFrom(stream);
            }
            catch (InvalidProtocolBufferException e)
            {
                throw new QuantException(ExitCode.BadData, $"{_file}: not an ONNX tensor (TensorProto), or truncated.", e);
            }

            byte[] values = header.Type switch
            {
                ElementType.Float => Bytes<float>([.. tensor.FloatData]),
                ElementType.Double => Bytes<double>([.. tensor.DoubleData]),
                ElementType.Int64 => Bytes<long>([.. tensor.Int64Data]),
                ElementType.UInt64 => Bytes<ulong>([.. tensor.Uint64Data]),
                ElementType.UInt32 => Bytes<uint>([.. tensor.Uint64Data.Select(v => (uint)v)]),
                ElementType.Int32 => Bytes<int>([.. tensor.Int32Data]),
                // Smaller types stand in int32_data one to an entry, halves by their bits.
                _ when header.Type.Size() == 2 => Bytes<ushort>([.. tensor.Int32Data.Select(v => (ushort)v)]),
                _ => Bytes<byte>([.. tensor.Int32Data.Select(v => (byte)v)]),
            };
            return values.Length == bytes
                ? values
                : throw new QuantException(ExitCode.BadData, $"{_file}: {RecordShape.Format(header.Shape)} of {header.Type.Name()} needs {bytes} bytes, the tensor has {values.Length}.");
        }

        private static byte[] Bytes<T>(T[] values)
            where T : unmanaged => MemoryMarshal.AsBytes(values.AsSpan()).ToArray();
    }
}
