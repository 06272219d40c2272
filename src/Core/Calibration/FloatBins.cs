namespace QuantCluster.Calibration;

/// <summary>
/// The bins of every <see cref="FloatHistogram"/>: a float32 falls into the bin of its upper 16 bits
/// (sign, 8 exponent bits, 7 mantissa bits; the bfloat16 it truncates to). Bins are 2⁻⁷ to 2⁻⁸ of
/// their magnitude wide, fixed for all tensors, so no range is needed beforehand and merging is adding.
/// </summary>
/// <remarks>
/// A bin has a <em>key</em>, the upper 16 bits themselves, and a <em>rank</em>, its place by value:
/// 0 holds the most negative values, 32767 negative zero, 32768 positive zero.
/// </remarks>
public static class FloatBins
{
    /// <summary>Number of bins, those of NaN and infinities included.</summary>
    public const int Count = 1 << 16;

    /// <summary>Keys whose magnitude part is this or more hold infinities and NaN.</summary>
    public const int FirstNonFinite = 0x7F80;

    public static int KeyOf(float value) => (int)(BitConverter.SingleToUInt32Bits(value) >> 16);

    public static int RankOf(float value) => RankOfKey(KeyOf(value));

    public static int RankOfKey(int key) => (key & 0x8000) != 0 ? 0xFFFF - key : key | 0x8000;

    public static int KeyOfRank(int rank) => rank < 0x8000 ? 0xFFFF - rank : rank & 0x7FFF;

    /// <summary>The bin's ends by value; every float in the bin lies between them (both included).</summary>
    public static (double Low, double High) Edges(int rank)
    {
        int magnitude = KeyOfRank(rank) & 0x7FFF;
        double near = Magnitude(magnitude), far = Magnitude(magnitude + 1);
        return rank < 0x8000 ? (-far, -near) : (near, far);
    }

    private static double Magnitude(int key) =>
        key == FirstNonFinite ? Math.ScaleB(1, 128) : BitConverter.UInt32BitsToSingle((uint)key << 16);
}
