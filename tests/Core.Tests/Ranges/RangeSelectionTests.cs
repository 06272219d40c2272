using QuantCluster.Calibration;
using QuantCluster.Emission;
using QuantCluster.Numerics;
using QuantCluster.Planning;
using QuantCluster.Ranges;

namespace QuantCluster.Tests.Ranges;

public class RangeSelectionTests
{
    private static readonly RangeSettings Widest = new() { Method = "minmax" };

    [Fact]
    public void A_group_gets_the_union_of_its_points_ranges()
    {
        IReadOnlyDictionary<string, AffineMapping> chosen = Choose(Widest,
            (new QuantizationPoint("a", "a", true, true, null), [-1, 0, 3]),
            (new QuantizationPoint("b", "a", true, true, null), [-2, 0, 1]),
            (new QuantizationPoint("c", "c", true, true, null), [0, 10]));
        Assert.Equal(AffineMapping.FromRange(new RealRange(-2, 3), IntegerType.UInt8), chosen["a"]);
        Assert.Equal(chosen["a"], chosen["b"]);
        Assert.Equal(AffineMapping.FromRange(new RealRange(0, 10), IntegerType.UInt8), chosen["c"]);
    }

    [Fact]
    public void A_range_ends_where_readers_stop_telling_values_apart()
    {
        AffineMapping mapping = One(Widest, new RealRange(-3, double.PositiveInfinity), [-30, -5, 0, 2]);
        Assert.Equal(AffineMapping.FromRange(new RealRange(-3, 2), IntegerType.UInt8), mapping);
    }

    [Fact]
    public void Values_that_readers_cannot_tell_apart_at_all_still_have_a_mapping()
    {
        AffineMapping mapping = One(Widest, new RealRange(-3, double.PositiveInfinity), [-30, -20, -5]);
        Assert.InRange(mapping.RoundTrip(-30), -3.1f, -2.9f);
    }

    [Fact]
    public void A_saturated_point_does_not_cut_the_others_of_its_group()
    {
        IReadOnlyDictionary<string, AffineMapping> chosen = Choose(Widest,
            (new QuantizationPoint("a", "a", true, true, null), [-8, 4]),
            (new QuantizationPoint("b", "a", true, true, new RealRange(-3, double.PositiveInfinity)), [-8, 4]));
        Assert.Equal(AffineMapping.FromRange(new RealRange(-8, 4), IntegerType.UInt8), chosen["b"]);
    }

    [Fact]
    public void A_point_that_may_not_be_clipped_keeps_its_extremes()
    {
        float[] outlier = [.. Enumerable.Range(0, 100_000).Select(i => i % 100 / 100f), 50f];
        RangeSettings percentile = new() { Method = "percentile" };
        Assert.InRange(One(percentile, null, outlier).Representable.Maximum, 0.9, 10);
        Assert.InRange(One(percentile, null, outlier, mayClip: false).Representable.Maximum, 49.9, 51);
    }

    [Fact]
    public void A_tensor_of_zeros_has_a_mapping() => Assert.Equal(0f, One(Widest, null, [0, 0, 0]).RoundTrip(0));

    [Fact]
    public void Weights_are_rounded_to_symmetric_integers_channel_by_channel()
    {
        float[] values = [.. Enumerable.Range(0, 2 * 3 * 4).Select(i => MathF.Sin(i) * (i % 3 == 0 ? 1 : 10))];
        for (int axis = 0; axis < 3; axis++)
        {
            QuantizedWeight weight = RangeSelection.ChooseWeight(values, [2, 3, 4], axis, null, 0.1f, Widest);
            long[] shape = [2, 3, 4];
            int inner = (int)shape.Skip(axis + 1).Aggregate(1L, (n, d) => n * d);
            Assert.Equal(shape[axis], weight.Scales.Length);
            for (int i = 0; i < values.Length; i++)
            {
                float scale = weight.Scales[i / inner % (int)shape[axis]];
                Assert.Equal(values[i], weight.Values[i] * scale, scale * 0.501);
                Assert.InRange(weight.Values[i], -127, 127);
            }
        }

        QuantizedWeight whole = RangeSelection.ChooseWeight(values, [2, 3, 4], 1, null, 0.1f, Widest with { PerChannel = false });
        Assert.Equal((-1, 1), (whole.Axis, whole.Scales.Length));
        Assert.Equal(values.Max(Math.Abs) / 127, whole.Scales[0], 1e-7);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_bias_too_large_for_its_weights_enlarges_their_scale(bool perChannel)
    {
        float[] values = [1e-9f, -1e-9f, 1f, 0.5f], bias = [100f, 0.1f];
        QuantizedWeight weight = RangeSelection.ChooseWeight(values, [2, 2], 0, bias, 0.01f, Widest with { PerChannel = perChannel });
        float[] scales = QuantizedBias.Scales(0.01f, weight.Scales);
        int[] integers = QuantizedBias.Quantize(bias, scales);
        for (int c = 0; c < 2; c++)
            Assert.Equal(bias[c], (double)integers[c] * scales[perChannel ? c : 0], bias[c] * 1e-5);
        Assert.Equal(1f / 127, weight.Scales[perChannel ? 1 : 0], 1e-7);
    }

    private static AffineMapping One(RangeSettings settings, RealRange? effective, float[] values, bool mayClip = true) =>
        Choose(settings, (new QuantizationPoint("a", "a", true, mayClip, effective), values))["a"];

    private static IReadOnlyDictionary<string, AffineMapping> Choose(RangeSettings settings, params (QuantizationPoint Point, float[] Values)[] points) =>
        RangeSelection.ChooseActivations(
            new QuantizationPlan([], [.. points.Select(p => p.Point)], [], []),
            new CalibrationStatistics(1, points.Select(p => TensorStatistics.Of(p.Point.Tensor, p.Values))),
            settings).ToDictionary(c => c.Key, c => c.Value.Mapping);
}
