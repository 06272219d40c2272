namespace QuantCluster.Numerics;

/// <summary>
/// A 16-bit floating-point format: sign s, exponent field e, mantissa field m of M bits. Normal numbers are
/// (−1)^s · (1 + m/2^M) · 2^(e−bias); e = 0 holds zeros and subnormals (−1)^s · (m/2^M) · 2^(1−bias);
/// the greatest e holds infinities (m = 0) and NaN (IEEE 754-2019, §3.4).
/// </summary>
public sealed class SixteenBitFormat
{
    private SixteenBitFormat(string name, int exponentBits)
    {
        Name = name;
        ExponentBits = exponentBits;
        MantissaBits = 15 - exponentBits;
    }

    /// <summary>IEEE half precision: 5 exponent and 10 mantissa bits, up to 65504, subnormals below 2⁻¹⁴.</summary>
    public static SixteenBitFormat Fp16 { get; } = new("FP16", 5);

    /// <summary>bfloat16: the upper half of a float32, 8 exponent and 7 mantissa bits, up to 3.39e38.</summary>
    public static SixteenBitFormat Bf16 { get; } = new("BF16", 8);

    public string Name { get; }

    public int ExponentBits { get; }

    public int MantissaBits { get; }

    /// <summary>What is subtracted from the exponent field: 15 for FP16, 127 for BF16.</summary>
    public int Bias => (1 << (ExponentBits - 1)) - 1;

    /// <summary>The greatest finite number.</summary>
    public float Maximum => Decode((ushort)(InfinityBits - 1));

    /// <summary>The least positive number with full precision.</summary>
    public float MinimumNormal => Decode((ushort)(1 << MantissaBits));

    /// <summary>The least positive number.</summary>
    public float MinimumSubnormal => Decode(1);

    private int InfinityBits => ((1 << ExponentBits) - 1) << MantissaBits;

    /// <summary>The format's nearest number, ties to the even mantissa; beyond <see cref="Maximum"/> by half a step or more: infinity.</summary>
    public ushort Encode(float value)
    {
        int bits = BitConverter.SingleToInt32Bits(value);
        int sign = (bits >> 16) & 0x8000;
        int exponent = (bits >> 23) & 0xFF;
        int significand = bits & 0x7FFFFF;
        if (exponent == 0xFF)
            return (ushort)(sign | InfinityBits | (significand == 0 ? 0 : (1 << (MantissaBits - 1)) | (significand >> (23 - MantissaBits))));

        if (exponent == 0)
            exponent = 1;
        else
            significand |= 1 << 23;

        // The field that a normal result would have; below 1 it is subnormal and loses that many bits more.
        int field = exponent - 127 + Bias;
        int drop = 23 - MantissaBits + Math.Max(0, 1 - field);
        if (drop > 25)
            return (ushort)sign;
        int kept = significand >> drop;
        int rest = significand & ((1 << drop) - 1);
        int half = 1 << (drop - 1);
        if (rest > half || (rest == half && (kept & 1) == 1))
            kept++;

        // The hidden bit in kept adds one to the field, and so does a mantissa that was rounded up to 2.
        int magnitude = (Math.Max(field - 1, 0) << MantissaBits) + kept;
        return (ushort)(sign | Math.Min(magnitude, InfinityBits));
    }

    /// <summary>The number that the bits stand for; exact.</summary>
    public float Decode(ushort bits)
    {
        SixteenBitFields fields = Fields(bits);
        float sign = fields.Negative ? -1f : 1f;
        return fields.Kind switch
        {
            SixteenBitKind.NotANumber => float.NaN,
            SixteenBitKind.Infinity => sign * float.PositiveInfinity,
            SixteenBitKind.Normal => sign * MathF.ScaleB((1 << MantissaBits) + fields.Mantissa, fields.Exponent - Bias - MantissaBits),
            _ => sign * MathF.ScaleB(fields.Mantissa, 1 - Bias - MantissaBits),
        };
    }

    /// <summary>Sign, exponent and mantissa of a number's bits.</summary>
    public SixteenBitFields Fields(ushort bits)
    {
        int exponent = (bits >> MantissaBits) & ((1 << ExponentBits) - 1);
        int mantissa = bits & ((1 << MantissaBits) - 1);
        SixteenBitKind kind = exponent == (1 << ExponentBits) - 1
            ? (mantissa == 0 ? SixteenBitKind.Infinity : SixteenBitKind.NotANumber)
            : exponent > 0 ? SixteenBitKind.Normal
            : mantissa > 0 ? SixteenBitKind.Subnormal : SixteenBitKind.Zero;
        return new SixteenBitFields(bits >= 0x8000, exponent, mantissa, kind);
    }

    /// <summary>Encodes a span and counts what was lost.</summary>
    /// <param name="values">Real values.</param>
    /// <param name="encoded">At least as long as <paramref name="values"/>.</param>
    public SixteenBitLosses Encode(ReadOnlySpan<float> values, Span<ushort> encoded)
    {
        encoded = encoded[..values.Length];
        long overflowed = 0, vanished = 0, subnormal = 0;
        for (int i = 0; i < values.Length; i++)
        {
            ushort bits = Encode(values[i]);
            int magnitude = bits & 0x7FFF;
            encoded[i] = bits;
            overflowed += magnitude == InfinityBits && float.IsFinite(values[i]) ? 1 : 0;
            vanished += magnitude == 0 && values[i] != 0 ? 1 : 0;
            subnormal += magnitude > 0 && magnitude < 1 << MantissaBits ? 1 : 0;
        }

        return new SixteenBitLosses(overflowed, vanished, subnormal);
    }

    /// <summary>Decodes a span.</summary>
    /// <param name="encoded">Numbers of this format.</param>
    /// <param name="values">At least as long as <paramref name="encoded"/>.</param>
    public void Decode(ReadOnlySpan<ushort> encoded, Span<float> values)
    {
        values = values[..encoded.Length];
        for (int i = 0; i < encoded.Length; i++)
            values[i] = Decode(encoded[i]);
    }
}
