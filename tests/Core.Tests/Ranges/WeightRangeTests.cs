using QuantCluster.Numerics;
using QuantCluster.Ranges;
using QuantCluster.Tests.Calibration;

namespace QuantCluster.Tests.Ranges;

public class WeightRangeTests
{
    [Fact]
    public void Each_channel_gets_the_scale_of_its_own_largest_weight()
    {
        float[] weights = [1, -2, 0.5f, 4, 0, 0];
        Assert.Equal([2 / 127f, 4 / 127f, 1f], WeightRanges.Scales(weights, [3, 2], 0, IntegerType.Int8));
        Assert.Equal([1 / 127f, 4 / 127f], WeightRanges.Scales(weights, [3, 2], 1, IntegerType.Int8));
        Assert.Equal([4 / 127f], WeightRanges.Scales(weights, [3, 2], -1, IntegerType.Int8));
        Assert.Equal([4 / 7f], WeightRanges.Scales(weights, [3, 2], -1, IntegerType.Int4));
    }

    [Fact]
    public void The_channel_axis_may_lie_between_others()
    {
        float[] weights = [.. Enumerable.Range(0, 2 * 3 * 4).Select(i => (float)i)];
        Assert.Equal([15 / 127f, 19 / 127f, 23 / 127f], WeightRanges.Scales(weights, [2, 3, 4], 1, IntegerType.Int8));
    }

    [Theory]
    [InlineData(IntegerType.Int8)]
    [InlineData(IntegerType.Int4)]
    public void Clipping_by_error_never_loses_and_gains_at_four_bits(IntegerType type)
    {
        float[] weights = SmallModels.Gaussian(new Random(2), 16 * 500);
        float[] plain = WeightRanges.Scales(weights, [16, 500], 0, type), clipped = WeightRanges.Scales(weights, [16, 500], 0, type, minimizeError: true);
        double before = 0, after = 0;
        for (int i = 0; i < weights.Length; i++)
        {
            before += Math.Pow(weights[i] - new AffineMapping(plain[i / 500], 0, type).RoundTrip(weights[i]), 2);
            after += Math.Pow(weights[i] - new AffineMapping(clipped[i / 500], 0, type).RoundTrip(weights[i]), 2);
        }

        Assert.True(after <= before);
        if (type == IntegerType.Int4)
            Assert.True(after < 0.95 * before);
    }
}
