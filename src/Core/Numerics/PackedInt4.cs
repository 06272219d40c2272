using System.Runtime.InteropServices;

namespace QuantCluster.Numerics;

/// <summary>
/// ONNX's storage of INT4 and UINT4: two to a byte, the first in the low four bits; an odd last one leaves the high
/// four bits zero (https://onnx.ai/onnx/technical/int4.html).
/// </summary>
public static class PackedInt4
{
    /// <summary>Bytes that <paramref name="elements"/> packed integers take.</summary>
    public static int ByteCount(int elements) => (elements + 1) / 2;

    /// <summary>Packs integers in [−8, 7].</summary>
    /// <param name="integers">One to a byte; the high four bits are ignored.</param>
    /// <param name="packed">At least <see cref="ByteCount"/> bytes.</param>
    public static void Pack(ReadOnlySpan<sbyte> integers, Span<byte> packed) =>
        Pack(MemoryMarshal.Cast<sbyte, byte>(integers), packed);

    /// <summary>Packs integers in [0, 15].</summary>
    /// <inheritdoc cref="Pack(ReadOnlySpan{sbyte}, Span{byte})"/>
    public static void Pack(ReadOnlySpan<byte> integers, Span<byte> packed)
    {
        packed = packed[..ByteCount(integers.Length)];
        for (int i = 0; i < integers.Length / 2; i++)
            packed[i] = (byte)((integers[2 * i] & 0xF) | (integers[(2 * i) + 1] << 4));
        if (integers.Length % 2 == 1)
            packed[^1] = (byte)(integers[^1] & 0xF);
    }

    /// <summary>Unpacks INT4, sign-extended.</summary>
    /// <param name="packed">At least <see cref="ByteCount"/> of <paramref name="integers"/>.</param>
    /// <param name="integers">Filled whole.</param>
    public static void Unpack(ReadOnlySpan<byte> packed, Span<sbyte> integers)
    {
        for (int i = 0; i < integers.Length; i++)
            integers[i] = (sbyte)((sbyte)(packed[i / 2] << (i % 2 == 0 ? 4 : 0)) >> 4);
    }

    /// <summary>Unpacks UINT4.</summary>
    /// <inheritdoc cref="Unpack(ReadOnlySpan{byte}, Span{sbyte})"/>
    public static void Unpack(ReadOnlySpan<byte> packed, Span<byte> integers)
    {
        for (int i = 0; i < integers.Length; i++)
            integers[i] = (byte)((packed[i / 2] >> (i % 2 == 0 ? 0 : 4)) & 0xF);
    }
}
