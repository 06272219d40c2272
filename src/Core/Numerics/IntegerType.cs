namespace QuantCluster.Numerics;

/// <summary>The integer types ONNX can store a quantized tensor in.</summary>
public enum IntegerType
{
    Int8,
    UInt8,
    Int4,
    UInt4,
    Int16,
    UInt16,
}

/// <summary>Ranges of the <see cref="IntegerType"/>s.</summary>
public static class IntegerTypes
{
    public static int Bits(this IntegerType type) => type switch
    {
        IntegerType.Int4 or IntegerType.UInt4 => 4,
        IntegerType.Int8 or IntegerType.UInt8 => 8,
        _ => 16,
    };

    public static bool IsSigned(this IntegerType type) =>
        type is IntegerType.Int8 or IntegerType.Int4 or IntegerType.Int16;

    /// <summary>The least representable integer, e.g. −128 for INT8.</summary>
    public static int Minimum(this IntegerType type) => type.IsSigned() ? -(1 << (type.Bits() - 1)) : 0;

    /// <summary>The greatest representable integer, e.g. 127 for INT8.</summary>
    public static int Maximum(this IntegerType type) =>
        type.IsSigned() ? (1 << (type.Bits() - 1)) - 1 : (1 << type.Bits()) - 1;

    /// <summary>Checks that spans of <typeparamref name="T"/> hold this type, one integer to an element.</summary>
    /// <exception cref="InvalidOperationException">They do not.</exception>
    internal static void RequireStorage<T>(this IntegerType type)
        where T : unmanaged
    {
        Type storage = type switch
        {
            IntegerType.Int8 or IntegerType.Int4 => typeof(sbyte),
            IntegerType.UInt8 or IntegerType.UInt4 => typeof(byte),
            IntegerType.Int16 => typeof(short),
            _ => typeof(ushort),
        };
        if (storage != typeof(T))
            throw new InvalidOperationException($"{type} is held by spans of {storage.Name}, not {typeof(T).Name}");
    }
}
