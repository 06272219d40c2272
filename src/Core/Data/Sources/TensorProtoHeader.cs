using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Data.Sources;

/// <summary>
/// What a serialized ONNX <c>TensorProto</c> holds and where, found by walking the wire format (protobuf.dev,
/// "Encoding") past its values, so that they can be mapped instead of parsed.
/// </summary>
/// <param name="Type">Element type.</param>
/// <param name="Shape">Dimensions.</param>
/// <param name="RawOffset">Where <c>raw_data</c> begins in the file; −1 where values are in typed fields.</param>
internal sealed record TensorProtoHeader(ElementType Type, long[] Shape, long RawOffset)
{
    // A tensor of more dimensions is damage, not data.
    private const int MaximumRank = 64;

    /// <exception cref="QuantException">Not a tensor, truncated, or of a type that is not read.</exception>
    public static TensorProtoHeader Read(Stream stream, string file)
    {
        List<long> shape = [];
        ElementType type = ElementType.Undefined;
        long rawOffset = -1, rawLength = 0;
        while (stream.Position < stream.Length)
        {
            ulong tag = Varint(stream, file);
            (ulong field, ulong wire) = (tag >> 3, tag & 7);
            if (field is TensorProto.ExternalDataFieldNumber or TensorProto.DataLocationFieldNumber)
                RequireOwnValues(stream, wire, file);
            else if (wire == 0)
                Number(field, Varint(stream, file), shape, ref type);
            else if (wire == 2)
            {
                long length = Length(stream, file);
                long end = stream.Position + length;
                if (field == TensorProto.RawDataFieldNumber)
                    (rawOffset, rawLength) = (stream.Position, length);
                while (field == TensorProto.DimsFieldNumber && stream.Position < end && shape.Count <= MaximumRank)
                    shape.Add((long)Varint(stream, file));
                stream.Position = end;
            }
            else if (wire is 1 or 5)
                stream.Position += wire == 1 ? 8 : 4;
            else
                throw NoTensor(file);
        }

        if (type == ElementType.Undefined || stream.Position != stream.Length || shape.Count > MaximumRank)
            throw NoTensor(file);
        if (ElementTypeNames.Parse(type.Name()) is null)
            throw Bad(file, $"tensors of {type.Name()} are not read as data");
        long[] dimensions = [.. shape];
        long bytes = RecordShape.ElementCount(dimensions, file) * type.Size();
        if (rawOffset >= 0 && rawLength != bytes)
            throw Bad(file, $"{RecordShape.Format(dimensions)} of {type.Name()} needs {bytes} bytes, the tensor has {rawLength}");
        return new TensorProtoHeader(type, dimensions, rawOffset);
    }

    private static void Number(ulong field, ulong value, List<long> shape, ref ElementType type)
    {
        if (field == TensorProto.DimsFieldNumber)
            shape.Add((long)value);
        else if (field == TensorProto.DataTypeFieldNumber)
            type = (ElementType)(int)value;
    }

    private static void RequireOwnValues(Stream stream, ulong wire, string file)
    {
        // data_location = DEFAULT (0) may be written out; anything else names another file.
        if (wire != 0 || Varint(stream, file) != 0)
            throw Bad(file, "the tensor keeps its values in another file; only tensors that hold their own are read as data");
    }

    private static long Length(Stream stream, string file)
    {
        ulong length = Varint(stream, file);
        return length <= (ulong)(stream.Length - stream.Position) ? (long)length : throw NoTensor(file);
    }

    private static ulong Varint(Stream stream, string file)
    {
        ulong value = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            int next = stream.ReadByte();
            if (next < 0)
                throw NoTensor(file);
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
                return value;
        }

        throw NoTensor(file);
    }

    private static QuantException NoTensor(string file) => Bad(file, "not an ONNX tensor (TensorProto), or truncated");

    private static QuantException Bad(string file, string what) => new(ExitCode.BadData, $"{file}: {what}.");
}
