using QuantCluster.Numerics;
using QuantCluster.Onnx;

namespace QuantCluster.Tests.Numerics;

/// <summary>Bit for bit against ONNX Runtime, the truth about what an emitted model computes.</summary>
public class RuntimeAgreementTests
{
    public static TheoryData<IntegerType> Types => [.. Enum.GetValues<IntegerType>()];

    [Theory]
    [MemberData(nameof(Types))]
    public void Per_tensor_quantization_is_ONNX_Runtimes_on_a_million_values_of_any_kind(IntegerType type)
    {
        RealRange[] ranges = [new(-1, 2), new(0, 6), new(-0.1, 1e-5), new(-1e-38, 1e-38), new(-3e38, 2e38)];
        for (int r = 0; r < ranges.Length; r++)
        {
            AffineMapping mapping = AffineMapping.FromRange(ranges[r], type);
            // An odd length: vector kernels have a tail.
            float[] values = TestValues.For(mapping, 200_003, seed: r);
            long[] shape = [values.Length];
            (int[] integers, float[] back) = QuantizeLinearOracle.Run(values, shape, TensorMapping.PerTensor(mapping));

            AssertSame(values, integers, [.. values.Select(mapping.Quantize)], mapping);
            AssertSame(values, integers, SpanOf(TensorMapping.PerTensor(mapping), values, shape, out float[] dequantized), mapping);
            AssertSameBits(back, dequantized);
            mapping.RoundTrip(values);
            AssertSameBits(back, values);
        }
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void Per_channel_quantization_is_ONNX_Runtimes_along_every_axis(IntegerType type)
    {
        long[] shape = [5, 37, 41];
        float[] values = TestValues.Moderate(5 * 37 * 41, seed: 7, spread: 8);
        for (int axis = 0; axis < 3; axis++)
            AssertTensor(values, shape, Granularity.PerChannel(axis), type);
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void Per_block_quantization_is_ONNX_Runtimes_along_every_axis(IntegerType type)
    {
        long[] shape = [5, 64, 96];
        float[] values = TestValues.Moderate(5 * 64 * 96, seed: 8, spread: 8);
        for (int axis = 0; axis < 3; axis++)
            AssertTensor(values, shape, Granularity.PerBlock(axis, 32), type);
        AssertTensor(values, shape, Granularity.PerBlock(1, 24), type);
        AssertTensor(values, shape, Granularity.PerBlock(2, 36), type);
    }

    [Fact]
    public void Beyond_the_int32_range_we_clamp_where_blocked_kernels_of_ONNX_Runtime_may_wrap()
    {
        // Their conversion to int32 before clamping gives 0 for the first two on x64 (ONNX Runtime 1.31).
        TensorMapping mapping = TensorMapping.From([new(1f, 0, IntegerType.UInt8), new(1f, 0, IntegerType.UInt8)], Granularity.PerBlock(0, 2));
        float[] values = [float.PositiveInfinity, 3e9f, 2e9f, float.NegativeInfinity];
        byte[] ours = new byte[4];
        mapping.Quantize<byte>(values, [2, 2], ours);

        Assert.Equal<byte>([255, 255, 255, 0], ours);
        Assert.Equal(255, QuantizeLinearOracle.Run(values, [2, 2], mapping).Integers[2]);
    }

    [Fact]
    public void FP16_and_BF16_conversions_are_ONNX_Runtimes()
    {
        float[] values = TestValues.For(new AffineMapping(1f / 1024, 0, IntegerType.Int16), 1_000_003, seed: 3);
        foreach ((SixteenBitFormat format, ElementType type) in new[] { (SixteenBitFormat.Fp16, ElementType.Float16), (SixteenBitFormat.Bf16, ElementType.BFloat16) })
        {
            float[] expected = QuantizeLinearOracle.Cast(values, type);
            for (int i = 0; i < values.Length; i++)
            {
                float actual = format.Decode(format.Encode(values[i]));
                bool same = float.IsNaN(expected[i]) ? float.IsNaN(actual) : BitConverter.SingleToInt32Bits(expected[i]) == BitConverter.SingleToInt32Bits(actual);
                if (!same)
                    Assert.Fail($"{format.Name} of {values[i]:R} (0x{BitConverter.SingleToInt32Bits(values[i]):X8}): ONNX Runtime {expected[i]:R}, ours {actual:R}");
            }
        }
    }

    private static void AssertTensor(float[] values, long[] shape, Granularity granularity, IntegerType type)
    {
        TensorMapping mapping = TensorMapping.FromValues(values, shape, granularity, type);
        (int[] integers, float[] back) = QuantizeLinearOracle.Run(values, shape, mapping);
        AssertSame(values, integers, SpanOf(mapping, values, shape, out float[] dequantized), mapping[0]);
        AssertSameBits(back, dequantized);
        float[] roundTripped = [.. values];
        mapping.RoundTrip(roundTripped, shape);
        AssertSameBits(back, roundTripped);
    }

    private static int[] SpanOf(TensorMapping mapping, float[] values, long[] shape, out float[] dequantized)
    {
        return mapping.Type switch
        {
            IntegerType.Int8 or IntegerType.Int4 => Run<sbyte>(out dequantized),
            IntegerType.UInt8 or IntegerType.UInt4 => Run<byte>(out dequantized),
            IntegerType.Int16 => Run<short>(out dequantized),
            _ => Run<ushort>(out dequantized),
        };

        int[] Run<T>(out float[] back)
            where T : unmanaged, System.Numerics.IBinaryInteger<T>
        {
            T[] integers = new T[values.Length];
            back = new float[values.Length];
            mapping.Quantize<T>(values, shape, integers);
            mapping.Dequantize<T>(integers, shape, back);
            return [.. integers.Select(i => int.CreateChecked(i))];
        }
    }

    private static void AssertSame(float[] values, int[] expected, int[] actual, AffineMapping mapping)
    {
        for (int i = 0; i < values.Length; i++)
        {
            if (expected[i] != actual[i])
                Assert.Fail($"{mapping}: {values[i]:R} (element {i}) is {expected[i]} in ONNX Runtime, {actual[i]} here");
        }
    }

    private static void AssertSameBits(float[] expected, float[] actual)
    {
        for (int i = 0; i < expected.Length; i++)
        {
            if (BitConverter.SingleToInt32Bits(expected[i]) != BitConverter.SingleToInt32Bits(actual[i]))
                Assert.Fail($"element {i}: ONNX Runtime {expected[i]:R}, ours {actual[i]:R}");
        }
    }
}
