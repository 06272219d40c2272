using System.Runtime.InteropServices;
using Google.Protobuf;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Onnx;

/// <summary>Reading and making initializers. External data must have been loaded (see <see cref="OnnxModel.Load"/>).</summary>
public static class Tensors
{
    public static ElementType ElementType(this TensorProto tensor) => (ElementType)tensor.DataType;

    /// <summary>Product of the dimensions; 1 for a scalar.</summary>
    public static long ElementCount(this TensorProto tensor) => tensor.Dims.Aggregate(1L, (n, d) => checked(n * d));

    /// <summary>The values of a float32 tensor, a fresh array.</summary>
    public static float[] ToFloats(this TensorProto tensor)
    {
        if (tensor.ElementType() != Onnx.ElementType.Float)
            throw new InvalidOperationException($"tensor {tensor.Name} holds {tensor.ElementType()}, not float");
        float[] values = tensor.HasRawData
            ? MemoryMarshal.Cast<byte, float>(tensor.RawData.Span).ToArray()
            : [.. tensor.FloatData];
        GC.KeepAlive(tensor);
        return values;
    }

    /// <summary>The values of an integer tensor (int64, int32, int8, uint8, bool), widened.</summary>
    public static long[] ToInt64s(this TensorProto tensor)
    {
        ReadOnlySpan<byte> raw = tensor.HasRawData ? tensor.RawData.Span : default;
        long[] values = tensor.ElementType() switch
        {
            Onnx.ElementType.Int64 => tensor.HasRawData ? MemoryMarshal.Cast<byte, long>(raw).ToArray() : [.. tensor.Int64Data],
            Onnx.ElementType.Int32 => tensor.HasRawData ? [.. MemoryMarshal.Cast<byte, int>(raw).ToArray().Select(v => (long)v)] : [.. tensor.Int32Data.Select(v => (long)v)],
            Onnx.ElementType.Int8 => tensor.HasRawData ? [.. raw.ToArray().Select(v => (long)(sbyte)v)] : [.. tensor.Int32Data.Select(v => (long)v)],
            Onnx.ElementType.UInt8 or Onnx.ElementType.Bool => tensor.HasRawData ? [.. raw.ToArray().Select(v => (long)v)] : [.. tensor.Int32Data.Select(v => (long)v)],
            _ => throw new InvalidOperationException($"tensor {tensor.Name} holds {tensor.ElementType()}, not an integer type read here"),
        };
        GC.KeepAlive(tensor);
        return values;
    }

    public static TensorProto FromFloats(string name, IEnumerable<long> shape, ReadOnlySpan<float> values) =>
        FromBytes(name, Onnx.ElementType.Float, shape, MemoryMarshal.AsBytes(values));

    public static TensorProto FromInt64s(string name, IEnumerable<long> shape, ReadOnlySpan<long> values) =>
        FromBytes(name, Onnx.ElementType.Int64, shape, MemoryMarshal.AsBytes(values));

    public static TensorProto FromInt32s(string name, IEnumerable<long> shape, ReadOnlySpan<int> values) =>
        FromBytes(name, Onnx.ElementType.Int32, shape, MemoryMarshal.AsBytes(values));

    public static TensorProto FromBytes(string name, ElementType type, IEnumerable<long> shape, ReadOnlySpan<byte> bytes) =>
        FromBytes(name, type, shape, ByteString.CopyFrom(bytes));

    public static TensorProto FromBytes(string name, ElementType type, IEnumerable<long> shape, ByteString bytes)
    {
        TensorProto tensor = new() { Name = name, DataType = (int)type, RawData = bytes };
        tensor.Dims.AddRange(shape);
        return tensor;
    }
}
