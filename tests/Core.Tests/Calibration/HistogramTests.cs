using FsCheck;
using FsCheck.Fluent;
using QuantCluster.Calibration;

namespace QuantCluster.Tests.Calibration;

public class HistogramTests
{
    private static readonly Arbitrary<float[]> AnyBits = Gen.Choose(int.MinValue, int.MaxValue)
        .Select(BitConverter.Int32BitsToSingle).ArrayOf().ToArbitrary();

    [Fact]
    public void Every_float_is_in_its_bin_and_the_others_are_counted_apart() => Check(AnyBits, values =>
    {
        TensorStatistics statistics = TensorStatistics.Of("t", values);
        float[] finite = [.. values.Where(float.IsFinite)];
        bool whole = statistics.Count == values.Length && statistics.NaNs == values.Count(float.IsNaN)
            && statistics.Infinities == values.Count(float.IsInfinity) && statistics.Histogram.Total == finite.Length;
        bool ends = finite.Length == 0 || (statistics.Minimum == finite.Min() && statistics.Maximum == finite.Max());
        for (int i = 0; i < statistics.Histogram.Ranks.Length; i++)
        {
            int rank = statistics.Histogram.Ranks[i];
            (double low, double high) = FloatBins.Edges(rank);
            whole &= statistics.Histogram.Counts[i] == finite.Count(v => FloatBins.RankOf(v) == rank)
                && finite.Where(v => FloatBins.RankOf(v) == rank).All(v => v >= low && v <= high);
        }

        return whole && ends;
    });

    [Theory]
    [InlineData(-1f, 1f)]
    [InlineData(0f, 6f)]
    [InlineData(-3f, 0f)]
    public void Values_clipped_to_a_bound_are_counted_in_its_bin_whatever_came_before(float low, float high)
    {
        TensorAccumulator accumulator = new(new TapRequest("t"));
        Dictionary<int, long> expected = [];
        Random random = new(7);
        for (int sample = 0; sample < 4; sample++)
        {
            // The bound is not reached at first, and NaN are among the values once it is.
            float[] values = [.. Enumerable.Range(0, 5003).Select(i => sample == 3 && i % 9 == 0 ? float.NaN : Math.Clamp(((float)random.NextDouble() - 0.4f) * sample * 9, low, high))];
            accumulator.Add(values, [values.Length]);
            foreach (float value in values.Where(float.IsFinite))
                expected[FloatBins.RankOf(value)] = expected.GetValueOrDefault(FloatBins.RankOf(value)) + 1;
        }

        FloatHistogram histogram = accumulator.ToStatistics().Histogram;
        accumulator.Dispose();
        Assert.Equal(expected.OrderBy(e => e.Key).Select(e => (e.Key, e.Value)), histogram.Ranks.ToArray().Select((r, i) => ((int)r, histogram.Counts[i])));
    }

    [Fact]
    public void Merging_is_commutative_associative_and_equals_counting_at_once() =>
        Check(AnyBits.Generator.Select(v => (v, v.Reverse().Select(x => x * 3).ToArray(), v.Where((_, i) => i % 2 == 0).ToArray())).ToArbitrary(), sets =>
        {
            TensorStatistics a = TensorStatistics.Of("t", sets.Item1), b = TensorStatistics.Of("t", sets.Item2), c = TensorStatistics.Of("t", sets.Item3);
            string all = Text(TensorStatistics.Of("t", [.. sets.Item1, .. sets.Item2, .. sets.Item3]));
            return Text(TensorStatistics.Merge(TensorStatistics.Merge(a, b), c)) == all
                && Text(TensorStatistics.Merge(a, TensorStatistics.Merge(b, c))) == all
                && Text(TensorStatistics.Merge(TensorStatistics.Merge(c, a), b)) == all;
        });

    [Fact]
    public void Bins_are_in_order_of_value_and_touch()
    {
        for (int rank = FloatBins.RankOf(float.MinValue); rank < FloatBins.RankOf(float.MaxValue); rank++)
        {
            (double low, double high) = FloatBins.Edges(rank);
            Assert.True(low < high);
            Assert.Equal(high, FloatBins.Edges(rank + 1).Low);
            Assert.Equal(rank, FloatBins.RankOfKey(FloatBins.KeyOfRank(rank)));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(15)]
    [InlineData(16)]
    [InlineData(17)]
    [InlineData(1000)]
    public void Any_length_is_counted_whole(int length)
    {
        float[] values = SmallModels.Gaussian(new Random(length), length);
        TensorStatistics statistics = TensorStatistics.Of("t", values);
        Assert.Equal(length, statistics.Histogram.Total);
        Assert.Equal(values.Min(), statistics.Minimum);
        Assert.Equal(values.Max(), statistics.Maximum);
    }

    [Fact]
    public void Channels_count_what_a_loop_over_them_counts()
    {
        foreach (long[] shape in (long[][])[[2, 3, 37], [1, 5, 16, 16], [4, 33, 1], [3, 7], [6, 2, 1, 15]])
        {
            int length = (int)shape.Aggregate(1L, (n, d) => n * d);
            float[] values = SmallModels.Gaussian(new Random(length), length);
            values[length / 2] = float.NaN;
            values[^1] = float.NegativeInfinity;
            ChannelAccumulator accumulator = new(new TapRequest("t", 1));
            accumulator.Add(values, shape);
            ChannelStatistics channels = accumulator.Take();
            int inner = (int)shape.Skip(2).Aggregate(1L, (n, d) => n * d);
            for (int c = 0; c < shape[1]; c++)
            {
                float[] mine = [.. values.Where((v, i) => i / inner % shape[1] == c && float.IsFinite(v))];
                Assert.Equal(mine.Length, channels.CountPerChannel[c]);
                Assert.Equal(mine.Length == 0 ? 0 : mine.Min(), channels.Minimum[c]);
                Assert.Equal(mine.Length == 0 ? 0 : mine.Max(), channels.Maximum[c]);
                Assert.Equal(mine.Sum(v => (double)v), channels.Sums[c], 1e-9);
            }
        }
    }

    [Theory]
    [InlineData(1, 3, 2000, 1)]
    [InlineData(1, 40, 700, 1)]
    [InlineData(1, 5000, 3, 1)]
    [InlineData(2, 6, 16, 16)]
    [InlineData(1, 7, 70, 70)]
    [InlineData(1, 9, 7, 7)]
    [InlineData(0, 3, 5, 5)]
    [InlineData(2, 0, 5, 5)]
    public void Counting_and_adding_by_channel_in_one_walk_gives_what_two_walks_give(params int[] dimensions)
    {
        foreach (int axis in (int[])[1, 2, 3])
        {
            foreach (string spoiled in (string[])["", "first", "last", "middle"])
            {
                long[] shape = [.. dimensions.Select(d => (long)d)];
                float[] values = SmallModels.Gaussian(new Random(axis), (int)shape.Aggregate(1L, (n, d) => n * d));
                for (int i = 0; i < values.Length; i += 3)
                    values[i] = Math.Max(0, values[i]);
                if (spoiled.Length > 0 && values.Length > 0)
                    values[spoiled == "first" ? 0 : spoiled == "last" ? ^1 : values.Length / 2] = spoiled == "middle" ? float.NaN : float.PositiveInfinity;

                using TensorAccumulator both = new(new TapRequest("t", axis)), counted = new(new TapRequest("t"));
                ChannelAccumulator added = new(new TapRequest("t", axis));
                for (int sample = 0; sample < 2; sample++)
                {
                    both.Add(values, shape);
                    counted.Add(values, shape);
                    added.Add(values, shape);
                }

                TensorStatistics together = both.ToStatistics(), apart = counted.ToStatistics();
                ChannelStatistics channels = added.Take();
                Assert.Equal((apart.Count, apart.Minimum, apart.Maximum, apart.NaNs, apart.Infinities), (together.Count, together.Minimum, together.Maximum, together.NaNs, together.Infinities));
                Assert.Equal(apart.Histogram.Ranks, together.Histogram.Ranks);
                Assert.Equal(apart.Histogram.Counts, together.Histogram.Counts);
                Assert.Equal(channels.Minimum, together.Channels!.Minimum);
                Assert.Equal(channels.Maximum, together.Channels.Maximum);
                Assert.Equal(channels.CountPerChannel, together.Channels.CountPerChannel);
                for (int c = 0; c < channels.Channels; c++)
                    Assert.Equal(channels.Sums[c], together.Channels.Sums[c], 1e-9);
            }
        }
    }

    [Fact]
    public void A_statistics_file_gives_back_what_was_saved()
    {
        string path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.stats");
        try
        {
            ChannelAccumulator channels = new(new TapRequest("t", 0));
            channels.Add([1, 2, 0.1f, 4], [2, 2]);
            TensorStatistics tensor = TensorStatistics.Of("a \"name\"/é", [-1.5f, 0, -0f, float.MaxValue, float.Epsilon, float.NaN, 1e-30f, 3, 3]).With(channels.Take());
            new CalibrationStatistics(7, [tensor]).Save(path);
            CalibrationStatistics loaded = CalibrationStatistics.Load(path);
            Assert.Equal(7, loaded.Samples);
            Assert.Equal(Text(tensor), Text(Assert.Single(loaded.Tensors.Values)));
            Assert.Equal(3, loaded.Tensors[tensor.Name].Histogram.Zeros);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("[1]")]
    [InlineData("{\"format\":\"other/9\"}")]
    [InlineData("{\"format\":\"quantcluster.statistics/1\",\"samples\":1,\"tensors\":[{}]}")]
    [InlineData("{\"format\":\"quantcluster.statistics/1\",\"samples\":1,\"tensors\":[{\"name\":\"t\",\"count\":1,\"minimum\":0,\"maximum\":0,\"nans\":0,\"infinities\":0,\"histogram\":[[99999,1]]}]}")]
    public void A_damaged_statistics_file_is_named(string content)
    {
        string path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.stats");
        try
        {
            File.WriteAllText(path, content);
            QuantException error = Assert.Throws<QuantException>(() => CalibrationStatistics.Load(path));
            Assert.StartsWith($"{path}: not a statistics file", error.Message);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static string Text(TensorStatistics tensor)
    {
        using MemoryStream stream = new();
        StatisticsFile.Write(new CalibrationStatistics(1, [tensor]), stream);
        return System.Text.Encoding.UTF8.GetString(stream.ToArray());
    }

    private static void Check<T>(Arbitrary<T> values, Func<T, bool> holds) =>
        FsCheck.Check.One(Config.QuickThrowOnFailure.WithMaxTest(60), Prop.ForAll(values, holds));
}
