using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace QuantCluster.Numerics;

/// <summary>Eight floats at a time: the arithmetic that the kernels share.</summary>
internal static class Lanes
{
    /// <summary>Values a kernel takes in one turn: a full vector of bytes.</summary>
    public const int Batch = 32;

    /// <summary>round(x/S) clamped to [low, high]; NaN gives low because it compares false.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Steps(Vector256<float> values, Vector256<float> scale, Vector256<float> low, Vector256<float> high)
    {
        Vector256<float> steps = values / scale;
        steps = Vector256.ConditionalSelect(Vector256.GreaterThan(steps, low), steps, low);
        steps = Vector256.ConditionalSelect(Vector256.LessThan(steps, high), steps, high);
        return Vector256.Round(steps, MidpointRounding.ToEven);
    }

    /// <summary>Stores 32 integers that fit <typeparamref name="T"/> (one or two bytes wide).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<T>(Vector256<int> a, Vector256<int> b, Vector256<int> c, Vector256<int> d, Span<T> into)
        where T : unmanaged
    {
        Span<byte> bytes = MemoryMarshal.AsBytes(into);
        Vector256<short> ab = Vector256.Narrow(a, b), cd = Vector256.Narrow(c, d);
        if (Unsafe.SizeOf<T>() == 1)
        {
            Vector256.Narrow(ab, cd).AsByte().CopyTo(bytes);
        }
        else
        {
            ab.AsByte().CopyTo(bytes);
            cd.AsByte().CopyTo(bytes[32..]);
        }
    }

    /// <summary>Eight integers of <typeparamref name="T"/>, sign- or zero-extended.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Widen<T>(ReadOnlySpan<T> integers)
        where T : unmanaged
    {
        if (typeof(T) == typeof(sbyte))
            return Vector256.WidenLower(Vector128.WidenLower(Eight<sbyte, T>(integers)).ToVector256Unsafe());
        if (typeof(T) == typeof(byte))
            return Vector256.WidenLower(Vector128.WidenLower(Eight<byte, T>(integers)).ToVector256Unsafe()).AsInt32();
        Vector128<short> words = Vector128.Create(MemoryMarshal.Cast<T, short>(integers));
        return typeof(T) == typeof(short)
            ? Vector256.WidenLower(words.ToVector256Unsafe())
            : Vector256.WidenLower(words.AsUInt16().ToVector256Unsafe()).AsInt32();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<TByte> Eight<TByte, T>(ReadOnlySpan<T> integers)
        where T : unmanaged =>
        Vector128.CreateScalarUnsafe(MemoryMarshal.Read<long>(MemoryMarshal.AsBytes(integers))).As<long, TByte>();
}
