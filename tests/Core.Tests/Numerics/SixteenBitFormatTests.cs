using QuantCluster.Numerics;

namespace QuantCluster.Tests.Numerics;

public class SixteenBitFormatTests
{
    [Fact]
    public void Every_FP16_number_decodes_as_System_Half_does_and_comes_back()
    {
        for (int bits = 0; bits <= ushort.MaxValue; bits++)
        {
            float expected = (float)BitConverter.UInt16BitsToHalf((ushort)bits);
            float actual = SixteenBitFormat.Fp16.Decode((ushort)bits);
            if (float.IsNaN(expected))
            {
                Assert.True(float.IsNaN(actual));
                continue;
            }

            Assert.Equal(BitConverter.SingleToInt32Bits(expected), BitConverter.SingleToInt32Bits(actual));
            Assert.Equal(bits, SixteenBitFormat.Fp16.Encode(actual));
        }
    }

    [Fact]
    public void Ties_between_FP16_neighbours_go_to_the_even_mantissa()
    {
        for (int bits = 0; bits < 0x7BFF; bits++)
        {
            float low = SixteenBitFormat.Fp16.Decode((ushort)bits), high = SixteenBitFormat.Fp16.Decode((ushort)(bits + 1));
            float middle = (low + high) / 2;
            Assert.Equal(bits + (bits & 1), SixteenBitFormat.Fp16.Encode(middle));
            Assert.Equal(bits, SixteenBitFormat.Fp16.Encode(MathF.BitDecrement(middle)));
            Assert.Equal(bits + 1, SixteenBitFormat.Fp16.Encode(MathF.BitIncrement(middle)));
        }
    }

    [Fact]
    public void The_formats_have_the_ranges_of_the_standard()
    {
        Assert.Equal(65504f, SixteenBitFormat.Fp16.Maximum);
        Assert.Equal(MathF.ScaleB(1, -14), SixteenBitFormat.Fp16.MinimumNormal);
        Assert.Equal(MathF.ScaleB(1, -24), SixteenBitFormat.Fp16.MinimumSubnormal);
        Assert.Equal(3.38953139e38f, SixteenBitFormat.Bf16.Maximum);
        Assert.Equal(MathF.ScaleB(1, -126), SixteenBitFormat.Bf16.MinimumNormal);
        Assert.Equal(MathF.ScaleB(1, -133), SixteenBitFormat.Bf16.MinimumSubnormal);
    }

    [Fact]
    public void Minus_three_quarters_is_one_sign_fourteen_and_half_a_mantissa()
    {
        // −0.75 = (−1)^1 · (1 + 0.5) · 2^(14−15)
        SixteenBitFields fields = SixteenBitFormat.Fp16.Fields(SixteenBitFormat.Fp16.Encode(-0.75f));
        Assert.Equal(new SixteenBitFields(true, 14, 512, SixteenBitKind.Normal), fields);
    }

    [Fact]
    public void Losses_of_a_span_are_counted()
    {
        float[] values = [1f, 65519f, 65520f, -1e9f, float.PositiveInfinity, 1e-6f, 1e-9f, 0f, float.NaN];
        ushort[] encoded = new ushort[values.Length];
        Assert.Equal(new SixteenBitLosses(Overflowed: 2, Vanished: 1, Subnormal: 1), SixteenBitFormat.Fp16.Encode(values, encoded));

        float[] decoded = new float[values.Length];
        SixteenBitFormat.Fp16.Decode(encoded, decoded);
        Assert.Equal([1f, 65504f, float.PositiveInfinity, float.NegativeInfinity], decoded[..4]);
        Assert.True(float.IsNaN(decoded[8]));
    }
}
