using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using QuantCluster.Onnx;

namespace QuantCluster.Data;

/// <summary>Changing stored numbers into the element type a model's input has.</summary>
internal static class ElementConversion
{
    /// <summary>Whether stored elements may feed an input: anything feeds a floating one, only integers an integer one.</summary>
    public static bool IsAllowed(ElementType from, ElementType to) => to switch
    {
        ElementType.Float or ElementType.Float16 or ElementType.Double => true,
        ElementType.UInt8 or ElementType.Int8 or ElementType.UInt16 or ElementType.Int16 or ElementType.UInt32 or ElementType.Int32
            or ElementType.UInt64 or ElementType.Int64 or ElementType.Bool => !from.IsFloating(),
        _ => from == to && to is ElementType.BFloat16,
    };

    /// <summary>Whether every value of one integer type is a value of the other.</summary>
    public static bool IsWidening(ElementType from, ElementType to)
    {
        if (from == to || to.IsFloating())
            return true;
        if (from.IsFloating() || to == ElementType.Bool)
            return false;
        bool fromSigned = IsSigned(from), toSigned = IsSigned(to);
        return fromSigned == toSigned ? to.Size() >= from.Size() : toSigned && to.Size() > from.Size();
    }

    /// <summary>Converts element by element; values that do not fit an integer target throw.</summary>
    /// <exception cref="OverflowException">A value is outside the target type.</exception>
    public static void Convert(ElementType from, ReadOnlySpan<byte> source, ElementType to, Span<byte> target)
    {
        if (from == to)
        {
            source.CopyTo(target);
            return;
        }

        switch (from)
        {
            case ElementType.Float: To(Cast<float>(source), to, target); break;
            case ElementType.Double: To(Cast<double>(source), to, target); break;
            case ElementType.Float16: To(Cast<Half>(source), to, target); break;
            case ElementType.BFloat16: To(FromBFloat16(Cast<ushort>(source)), to, target); break;
            case ElementType.UInt8: To(source, to, target); break;
            case ElementType.Bool: To(source, to, target); break;
            case ElementType.Int8: To(Cast<sbyte>(source), to, target); break;
            case ElementType.UInt16: To(Cast<ushort>(source), to, target); break;
            case ElementType.Int16: To(Cast<short>(source), to, target); break;
            case ElementType.UInt32: To(Cast<uint>(source), to, target); break;
            case ElementType.Int32: To(Cast<int>(source), to, target); break;
            case ElementType.UInt64: To(Cast<ulong>(source), to, target); break;
            case ElementType.Int64: To(Cast<long>(source), to, target); break;
            default: throw new NotSupportedException($"elements of type {from} are not read");
        }
    }

    private static void To<T>(ReadOnlySpan<T> source, ElementType to, Span<byte> target)
        where T : unmanaged, INumber<T>
    {
        switch (to)
        {
            // Between floating types nothing is cut off: what is too large becomes infinite, and validation finds it.
            case ElementType.Float: TensorPrimitives.ConvertTruncating(source, Cast<float>(target)); break;
            case ElementType.Double: TensorPrimitives.ConvertTruncating(source, Cast<double>(target)); break;
            case ElementType.Float16: TensorPrimitives.ConvertTruncating(source, Cast<Half>(target)); break;
            case ElementType.UInt8: TensorPrimitives.ConvertChecked(source, target); break;
            case ElementType.Int8: TensorPrimitives.ConvertChecked(source, Cast<sbyte>(target)); break;
            case ElementType.UInt16: TensorPrimitives.ConvertChecked(source, Cast<ushort>(target)); break;
            case ElementType.Int16: TensorPrimitives.ConvertChecked(source, Cast<short>(target)); break;
            case ElementType.UInt32: TensorPrimitives.ConvertChecked(source, Cast<uint>(target)); break;
            case ElementType.Int32: TensorPrimitives.ConvertChecked(source, Cast<int>(target)); break;
            case ElementType.UInt64: TensorPrimitives.ConvertChecked(source, Cast<ulong>(target)); break;
            case ElementType.Int64: TensorPrimitives.ConvertChecked(source, Cast<long>(target)); break;
            case ElementType.Bool:
                for (int i = 0; i < source.Length; i++)
                    target[i] = T.IsZero(source[i]) ? (byte)0 : source[i] == T.One ? (byte)1 : throw new OverflowException();
                break;
            default: throw new NotSupportedException($"inputs of type {to} are not fed");
        }
    }

    private static ReadOnlySpan<float> FromBFloat16(ReadOnlySpan<ushort> source)
    {
        float[] values = new float[source.Length];
        for (int i = 0; i < values.Length; i++)
            values[i] = BitConverter.UInt32BitsToSingle((uint)source[i] << 16);
        return values;
    }

    private static bool IsSigned(ElementType type) => type is ElementType.Int8 or ElementType.Int16 or ElementType.Int32 or ElementType.Int64;

    private static ReadOnlySpan<T> Cast<T>(ReadOnlySpan<byte> bytes)
        where T : unmanaged => MemoryMarshal.Cast<byte, T>(bytes);

    private static Span<T> Cast<T>(Span<byte> bytes)
        where T : unmanaged => MemoryMarshal.Cast<byte, T>(bytes);
}
