using Google.Protobuf;
using QuantCluster.Numerics;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Emission;

/// <summary>Quantized values as ONNX tensors hold them.</summary>
internal static class StoredIntegers
{
    public static ElementType ElementTypeOf(IntegerType type) => type switch
    {
        IntegerType.Int8 => ElementType.Int8,
        IntegerType.UInt8 => ElementType.UInt8,
        IntegerType.Int16 => ElementType.Int16,
        IntegerType.UInt16 => ElementType.UInt16,
        IntegerType.Int4 => ElementType.Int4,
        _ => ElementType.UInt4,
    };

    /// <summary>INT8 one to a byte, without a copy of the weight's own; INT4 two to a byte.</summary>
    public static ByteString Pack(QuantizedWeight weight)
    {
        // An sbyte[] is a byte[] to the runtime.
        if (weight.Type == IntegerType.Int8)
            return UnsafeByteOperations.UnsafeWrap((byte[])(Array)weight.Values);
        if (weight.Type != IntegerType.Int4)
            throw new NotSupportedException($"weights of type {weight.Type} are not emitted");
        byte[] packed = new byte[PackedInt4.ByteCount(weight.Values.Length)];
        PackedInt4.Pack(weight.Values, packed);
        return UnsafeByteOperations.UnsafeWrap(packed);
    }

    /// <summary>The same integers, all one to a byte: what is only run and thrown away need not unpack them.</summary>
    public static QuantizationConfiguration Unpacked(QuantizationConfiguration configuration) =>
        configuration.Weights.Values.Concat(configuration.WeightOnly.Values).All(w => w.Type == IntegerType.Int8)
            ? configuration
            : configuration with { Weights = Unpacked(configuration.Weights), WeightOnly = Unpacked(configuration.WeightOnly) };

    private static Dictionary<string, QuantizedWeight> Unpacked(IReadOnlyDictionary<string, QuantizedWeight> weights) =>
        weights.ToDictionary(w => w.Key, w => w.Value with { Type = IntegerType.Int8 });

    public static TensorProto Tensor(string name, IntegerType type, long[] shape, ReadOnlySpan<int> values)
    {
        byte[] bytes = new byte[values.Length * (type.Bits() / 8)];
        for (int i = 0; i < values.Length; i++)
        {
            if (type.Bits() == 8)
                bytes[i] = (byte)values[i];
            else
                BitConverter.TryWriteBytes(bytes.AsSpan(2 * i), (short)values[i]);
        }

        return Tensors.FromBytes(name, ElementTypeOf(type), shape, bytes);
    }
}
