using QuantCluster.Calibration;
using QuantCluster.Numerics;
using QuantCluster.Ranges;
using QuantCluster.Tests.Calibration;

namespace QuantCluster.Tests.Ranges;

public class RangeTests
{
    private static TensorStatistics Of(params float[] values) => TensorStatistics.Of("t", values);

    private static double TrueError(float[] values, AffineMapping mapping) =>
        values.Average(v => Math.Pow(v - (double)mapping.RoundTrip(v), 2));

    [Fact]
    public void Auto_tells_whose_range_it_took()
    {
        TensorStatistics[] tensors = [Of(0, 1, 2, 3), Of([.. Enumerable.Range(0, 4000).Select(i => MathF.Sin(i)), 500])];
        foreach (TensorStatistics statistics in tensors)
        {
            RangeChoice choice = RangeEstimators.Get("auto").Choose(statistics, IntegerType.UInt8);
            Assert.NotEqual("auto", choice.Method);
            Assert.Equal(RangeEstimators.Get(choice.Method).Estimate(statistics, IntegerType.UInt8), choice.Range);
            Assert.Equal("minmax", RangeEstimators.Get("auto").Choose(statistics, IntegerType.UInt8, mayClip: false).Method);
        }
    }

    [Fact]
    public void Min_max_covers_everything_and_zero()
    {
        Assert.Equal(new RealRange(-3, 5), RangeEstimators.Get("minmax").Estimate(Of(-3, 1, 5), IntegerType.UInt8));
        Assert.Equal(new RealRange(0, 5), RangeEstimators.Get("minmax").Estimate(Of(2, 5), IntegerType.UInt8));
    }

    [Fact]
    public void Percentile_range_drops_the_outlier_tail()
    {
        float[] values = [.. SmallModels.Gaussian(new Random(3), 200_000), 500f, -400f];
        RealRange range = RangeEstimators.Get("percentile").Estimate(Of(values), IntegerType.UInt8);
        Assert.InRange(range.Maximum, 3.5, 5);
        Assert.InRange(range.Minimum, -5, -3.5);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Quantiles_are_within_a_bin_of_the_order_statistic(int seed)
    {
        Random random = new(seed);
        float[] values = [.. SmallModels.Gaussian(random, 20_000).Select(v => v * v * v)];
        FloatHistogram histogram = FloatHistogram.Of(values);
        float[] sorted = [.. values.Order()];
        Assert.Equal(sorted[0], histogram.Quantile(0));
        Assert.Equal(sorted[^1], histogram.Quantile(1));
        foreach (double fraction in (double[])[0.0005, 0.01, 0.2, 0.5, 0.77, 0.99, 0.9995])
        {
            double exact = sorted[(int)Math.Ceiling(fraction * sorted.Length) - 1];
            Assert.InRange(histogram.Quantile(fraction), exact - (Math.Abs(exact) / 128), exact + (Math.Abs(exact) / 128));
        }
    }

    [Theory]
    [InlineData(IntegerType.UInt8)]
    [InlineData(IntegerType.Int8)]
    [InlineData(IntegerType.UInt4)]
    public void Expected_error_from_the_histogram_is_that_of_the_values(IntegerType type)
    {
        Random random = new(5);
        float[] gaussian = SmallModels.Gaussian(random, 100_000, 2);
        foreach (float[] values in (float[][])[gaussian, [.. gaussian.Select(v => Math.Max(0, v))], [.. gaussian.Select(v => Math.Clamp(v, 0, 6))], [.. gaussian.Select(MathF.Exp)]])
        {
            FloatHistogram histogram = FloatHistogram.Of(values);
            foreach (double clip in (double[])[1, 0.6, 0.3, 0.05])
            {
                AffineMapping mapping = AffineMapping.FromRange(new RealRange(clip * values.Min(), clip * values.Max()), type);
                double exact = TrueError(values, mapping);
                Assert.InRange(QuantizationError.ExpectedSquaredError(histogram, mapping), 0.95 * exact, 1.05 * exact);
            }
        }
    }

    [Fact]
    public void Values_that_the_integers_hold_exactly_have_no_error()
    {
        AffineMapping mapping = AffineMapping.FromRange(new RealRange(0, 255), IntegerType.UInt8);
        Assert.Equal(0, QuantizationError.ExpectedSquaredError(FloatHistogram.Of([255f, 255f]), mapping), 12);
        Assert.Equal(0, QuantizationError.ExpectedSquaredError(FloatHistogram.Of([0f, -0f]), mapping));
        Assert.Equal(0, QuantizationError.ExpectedSquaredError(FloatHistogram.Empty, mapping));
    }

    [Fact]
    public void Every_range_lies_inside_what_was_seen_and_holds_zero()
    {
        Random random = new(11);
        for (int i = 0; i < 24; i++)
        {
            float[] values = SmallModels.Gaussian(random, 1 + random.Next(3000), Math.Pow(10, random.Next(-30, 30)));
            if (i % 3 == 0)
                values = [.. values.Select(v => Math.Abs(v) + 1)];
            if (i % 5 == 0)
                values[0] *= 1000;
            TensorStatistics statistics = Of(values);
            RealRange all = new RealRange(statistics.Minimum, statistics.Maximum).WithZero();
            foreach (IRangeEstimator estimator in RangeEstimators.All)
            {
                foreach (IntegerType type in (IntegerType[])[IntegerType.UInt8, IntegerType.UInt4, IntegerType.Int16])
                {
                    RealRange range = estimator.Estimate(statistics, type);
                    Assert.True(range.Minimum <= 0 && range.Maximum >= 0 && range.Maximum > range.Minimum, $"{estimator.Name}: {range}");
                    Assert.True(range.Minimum >= all.Minimum && range.Maximum <= all.Maximum, $"{estimator.Name}: {range} of {all}");
                }
            }
        }
    }

    [Fact]
    public void Mean_squared_error_and_auto_are_never_worse_than_min_max()
    {
        Random random = new(12);
        for (int i = 0; i < 16; i++)
        {
            float[] values = [.. SmallModels.Gaussian(random, 2000).Select(v => i % 2 == 0 ? v : MathF.Pow(v, 1 + (i % 4)))];
            TensorStatistics statistics = Of(values);
            double Error(string name) => QuantizationError.ExpectedSquaredError(
                statistics.Histogram, AffineMapping.FromRange(RangeEstimators.Get(name).Estimate(statistics, IntegerType.UInt8), IntegerType.UInt8));
            double minmax = Error("minmax"), mse = Error("mse");
            Assert.True(mse <= minmax);
            foreach (IRangeEstimator other in RangeEstimators.All)
                Assert.True(Error("auto") <= Error(other.Name), other.Name);
        }
    }

    [Fact]
    public void Mean_squared_error_comes_near_the_best_range_of_a_brute_force_search()
    {
        float[] values = [.. SmallModels.Gaussian(new Random(8), 50_000).Select(v => v > 0 ? v * v * v : v)];
        TensorStatistics statistics = Of(values);
        RealRange found = RangeEstimators.Get("mse").Estimate(statistics, IntegerType.UInt8);
        double least = double.PositiveInfinity;
        for (int high = 1; high <= 40; high++)
        {
            for (int low = 1; low <= 40; low++)
            {
                RealRange range = new(statistics.Minimum * low / 40.0, statistics.Maximum * high / 40.0);
                least = Math.Min(least, QuantizationError.ExpectedSquaredError(statistics.Histogram, AffineMapping.FromRange(range, IntegerType.UInt8)));
            }
        }

        Assert.InRange(TrueError(values, AffineMapping.FromRange(found, IntegerType.UInt8)), 0, least * 1.05);
    }

    [Fact]
    public void Entropy_clips_a_long_tail_and_keeps_a_flat_distribution()
    {
        Random random = new(9);
        float[] tail = [.. SmallModels.Gaussian(random, 100_000), .. Enumerable.Range(0, 20).Select(i => 20f + i)];
        float[] flat = [.. Enumerable.Range(0, 100_000).Select(_ => random.NextSingle() * 4)];
        IRangeEstimator entropy = RangeEstimators.Get("entropy");
        Assert.InRange(entropy.Estimate(Of(tail), IntegerType.UInt8).Maximum, 2.5, 20);
        Assert.InRange(entropy.Estimate(Of(flat), IntegerType.UInt8).Maximum, 3.6, 4);
    }

    [Fact]
    public void A_tensor_without_values_or_of_zeros_has_the_range_zero()
    {
        foreach (IRangeEstimator estimator in RangeEstimators.All)
        {
            Assert.Equal(new RealRange(0, 0), estimator.Estimate(Of(), IntegerType.UInt8));
            Assert.Equal(new RealRange(0, 0), estimator.Estimate(Of(0, -0f, 0), IntegerType.UInt8));
            Assert.Equal(new RealRange(0, 0), estimator.Estimate(Of(float.NaN, float.PositiveInfinity), IntegerType.UInt8));
        }
    }

    [Fact]
    public void A_tensor_that_must_not_be_clipped_is_not()
    {
        TensorStatistics statistics = Of([.. SmallModels.Gaussian(new Random(4), 10_000), 100f]);
        foreach (IRangeEstimator estimator in RangeEstimators.All)
            Assert.Equal(100, estimator.Choose(statistics, IntegerType.UInt8, mayClip: false).Range.Maximum);
    }

    [Fact]
    public void An_unknown_estimator_is_a_usage_error_that_lists_those_there_are()
    {
        QuantException error = Assert.Throws<QuantException>(() => RangeEstimators.Get("best"));
        Assert.Equal(ExitCode.Usage, error.Code);
        Assert.Contains("auto, minmax", error.Message);
    }
}
