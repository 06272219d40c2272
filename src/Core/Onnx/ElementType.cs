namespace QuantCluster.Onnx;

/// <summary>ONNX's tensor element types; the numbers are those of <c>TensorProto.DataType</c>.</summary>
public enum ElementType
{
    Undefined = 0,
    Float = 1,
    UInt8 = 2,
    Int8 = 3,
    UInt16 = 4,
    Int16 = 5,
    Int32 = 6,
    Int64 = 7,
    String = 8,
    Bool = 9,
    Float16 = 10,
    Double = 11,
    UInt32 = 12,
    UInt64 = 13,
    BFloat16 = 16,
    UInt4 = 21,
    Int4 = 22,
}

public static class ElementTypes
{
    /// <summary>Bytes one element takes; throws for strings and the packed 4-bit types.</summary>
    public static int Size(this ElementType type) => type switch
    {
        ElementType.UInt8 or ElementType.Int8 or ElementType.Bool => 1,
        ElementType.UInt16 or ElementType.Int16 or ElementType.Float16 or ElementType.BFloat16 => 2,
        ElementType.Float or ElementType.Int32 or ElementType.UInt32 => 4,
        ElementType.Double or ElementType.Int64 or ElementType.UInt64 => 8,
        _ => throw new NotSupportedException($"elements of type {type} have no byte size"),
    };

    /// <summary>Bytes that <paramref name="elements"/> elements take, 4-bit types packed two to a byte.</summary>
    public static long ByteCount(this ElementType type, long elements) =>
        type is ElementType.Int4 or ElementType.UInt4 ? (elements + 1) / 2 : elements * type.Size();
}
