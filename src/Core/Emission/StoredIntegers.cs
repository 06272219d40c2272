using System.Runtime.InteropServices;
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

    public static ReadOnlySpan<byte> Pack(QuantizedWeight weight) => weight.Type == IntegerType.Int8
        ? MemoryMarshal.AsBytes<sbyte>(weight.Values)
        : throw new NotSupportedException($"weights of type {weight.Type} are not emitted");

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
