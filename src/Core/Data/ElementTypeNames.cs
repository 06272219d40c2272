using QuantCluster.Onnx;

namespace QuantCluster.Data;

/// <summary>NumPy's names of the element types that data files hold.</summary>
public static class ElementTypeNames
{
    private static readonly (string Name, ElementType Type)[] Table =
    [
        ("float32", ElementType.Float), ("float64", ElementType.Double), ("float16", ElementType.Float16), ("bfloat16", ElementType.BFloat16),
        ("uint8", ElementType.UInt8), ("int8", ElementType.Int8), ("uint16", ElementType.UInt16), ("int16", ElementType.Int16),
        ("uint32", ElementType.UInt32), ("int32", ElementType.Int32), ("uint64", ElementType.UInt64), ("int64", ElementType.Int64),
        ("bool", ElementType.Bool),
    ];

    public static string All => string.Join(", ", Table.Select(t => t.Name));

    public static ElementType? Parse(string name) =>
        Table.Where(t => t.Name == name).Select(t => (ElementType?)t.Type).FirstOrDefault();

    /// <summary>The name people write, e.g. <c>int64</c>.</summary>
    public static string Name(this ElementType type) =>
        Table.Where(t => t.Type == type).Select(t => t.Name).FirstOrDefault() ?? type.ToString().ToLowerInvariant();

    public static bool IsFloating(this ElementType type) =>
        type is ElementType.Float or ElementType.Double or ElementType.Float16 or ElementType.BFloat16;
}
