using FsCheck;
using FsCheck.Fluent;
using QuantCluster.Numerics;

namespace QuantCluster.Tests.Numerics;

public class AffineMappingTests
{
    [Fact]
    public void The_lecture_example_maps_minus_one_to_two_onto_INT8()
    {
        AffineMapping mapping = AffineMapping.FromRange(new RealRange(-1, 2), IntegerType.Int8);

        Assert.Equal((float)(3.0 / 255), mapping.Scale);
        Assert.Equal(-43, mapping.ZeroPoint);
        Assert.Equal([-111, -1, 85], new[] { -0.8f, 0.5f, 1.5f }.Select(mapping.Quantize));
    }

    [Fact]
    public void Zero_comes_back_as_exactly_zero_from_any_range_and_type()
    {
        Prop.ForAll<double, double, int>((a, b, t) =>
        {
            if (!double.IsFinite(a) || !double.IsFinite(b))
                return true;
            IntegerType type = (IntegerType)(Math.Abs(t % 6));
            AffineMapping mapping = AffineMapping.FromRange(new RealRange(Math.Min(a, b), Math.Max(a, b)), type);
            return mapping.Scale > 0 && mapping.ZeroPoint >= type.Minimum() && mapping.ZeroPoint <= type.Maximum()
                && mapping.Quantize(0f) == mapping.ZeroPoint
                && BitConverter.SingleToInt32Bits(mapping.RoundTrip(0f)) == 0
                && BitConverter.SingleToInt32Bits(mapping.RoundTrip(-0f)) == 0;
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(5000).WithQuietOnSuccess(true));
    }

    [Theory]
    [InlineData(-1, 2)]
    [InlineData(0, 6)]
    [InlineData(-3, 0)]
    [InlineData(1e-3, 4e-3)]
    public void Inside_the_range_the_error_is_at_most_half_a_step(double minimum, double maximum)
    {
        foreach (IntegerType type in Enum.GetValues<IntegerType>())
        {
            AffineMapping mapping = AffineMapping.FromRange(new RealRange(minimum, maximum), type);
            // The rounded zero point may shift the range's ends by half a step, which clamps another half away.
            for (double x = minimum; x <= maximum; x += (maximum - minimum) / 997)
                Assert.InRange(Math.Abs(mapping.RoundTrip((float)x) - x), 0, 1.001 * mapping.Scale + HalfUlp(x));
            double low = Math.Max(minimum, mapping.Representable.Minimum), high = Math.Min(maximum, mapping.Representable.Maximum);
            for (double x = low; x <= high; x += (high - low) / 997)
                Assert.InRange(Math.Abs(mapping.RoundTrip((float)x) - x), 0, 0.501 * mapping.Scale + HalfUlp(x));
        }
    }

    [Theory]
    [InlineData(IntegerType.Int8, 127)]
    [InlineData(IntegerType.Int4, 7)]
    [InlineData(IntegerType.Int16, 32767)]
    public void Symmetric_mappings_leave_the_least_integer_unused(IntegerType type, int greatest)
    {
        AffineMapping mapping = AffineMapping.FromRange(new RealRange(-2, 1), type, symmetric: true);

        Assert.Equal(0, mapping.ZeroPoint);
        Assert.Equal(-greatest, mapping.Quantize(-2f));
        Assert.Equal((float)(2.0 / greatest), mapping.Scale);
        Assert.Throws<ArgumentOutOfRangeException>(() => AffineMapping.FromRange(new RealRange(-2, 1), IntegerType.UInt8, symmetric: true));
    }

    [Fact]
    public void A_range_of_no_width_maps_to_a_step_of_one() =>
        Assert.Equal(new AffineMapping(1f, 0, IntegerType.UInt8), AffineMapping.FromRange(new RealRange(0, 0), IntegerType.UInt8));

    [Fact]
    public void A_range_that_lies_on_one_side_is_widened_to_zero()
    {
        AffineMapping mapping = AffineMapping.FromRange(new RealRange(5, 5), IntegerType.UInt8);
        Assert.Equal(0, mapping.ZeroPoint);
        Assert.Equal(5f, mapping.RoundTrip(5f));
    }

    [Theory]
    [InlineData(-1e-45, 1e-45)]
    [InlineData(0, 1e-300)]
    [InlineData(-1e-38, 0)]
    public void A_tiny_range_keeps_a_normal_scale(double minimum, double maximum)
    {
        AffineMapping mapping = AffineMapping.FromRange(new RealRange(minimum, maximum), IntegerType.Int8);
        Assert.True(float.IsNormal(mapping.Scale));
        Assert.True(float.IsFinite(1 / mapping.Scale));
    }

    [Theory]
    [InlineData(float.MinValue, float.MaxValue)]
    [InlineData(0, float.MaxValue)]
    [InlineData(float.MinValue, 0)]
    [InlineData(double.MinValue, double.MaxValue)]
    public void A_huge_range_never_comes_back_infinite(double minimum, double maximum)
    {
        foreach (IntegerType type in Enum.GetValues<IntegerType>())
        {
            foreach (bool symmetric in new[] { false, true })
            {
                if (symmetric && !type.IsSigned())
                    continue;
                AffineMapping mapping = AffineMapping.FromRange(new RealRange(minimum, maximum), type, symmetric);
                Assert.True(float.IsFinite(mapping.RoundTrip(float.MaxValue)), $"{type} {mapping}");
                Assert.True(float.IsFinite(mapping.RoundTrip(float.MinValue)), $"{type} {mapping}");
            }
        }
    }

    [Theory]
    [InlineData(double.NaN, 1)]
    [InlineData(0, double.PositiveInfinity)]
    [InlineData(1, -1)]
    public void A_range_without_two_finite_ends_in_order_is_refused(double minimum, double maximum) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => AffineMapping.FromRange(new RealRange(minimum, maximum), IntegerType.Int8));

    [Fact]
    public void Halves_round_to_even()
    {
        AffineMapping mapping = new(1f, 0, IntegerType.Int8);
        Assert.Equal([-2, -2, 0, 0, 2, 2, 4], new[] { -2.5f, -1.5f, -0.5f, 0.5f, 1.5f, 2.5f, 3.5f }.Select(mapping.Quantize));
    }

    [Fact]
    public void NaN_maps_to_the_least_integer_and_infinities_to_the_ends()
    {
        foreach (IntegerType type in Enum.GetValues<IntegerType>())
        {
            AffineMapping mapping = AffineMapping.FromRange(new RealRange(-1, 2), type);
            Assert.Equal(type.Minimum(), mapping.Quantize(float.NaN));
            Assert.Equal(type.Minimum(), mapping.Quantize(float.NegativeInfinity));
            Assert.Equal(type.Maximum(), mapping.Quantize(float.PositiveInfinity));
        }
    }

    [Fact]
    public void A_span_of_another_type_than_the_mapping_is_refused() =>
        Assert.Throws<InvalidOperationException>(() => new AffineMapping(1f, 0, IntegerType.Int8).Quantize([1f], new byte[1]));

    // The value itself and its way back are float32.
    private static double HalfUlp(double x) => Math.Abs(x) * Math.Pow(2, -23);
}
