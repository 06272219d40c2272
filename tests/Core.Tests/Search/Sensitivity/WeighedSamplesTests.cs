using QuantCluster.Search.Sensitivity;

namespace QuantCluster.Tests.Search.Sensitivity;

public class WeighedSamplesTests
{
    [Fact]
    public void The_weighted_mean_is_the_mean_over_all_and_closer_to_it_than_that_of_samples_chosen_alike()
    {
        // Few samples make most of the mean; a layer's error is a share of the whole's, with noise of its own.
        Random random = new(3);
        int[] all = [.. Enumerable.Range(0, 200)];
        double off = 0, offAlike = 0, bias = 0;
        for (int run = 0; run < 50; run++)
        {
            double[] whole = [.. all.Select(_ => Math.Exp(3 * random.NextDouble() * random.NextDouble() * random.NextDouble() * 2))];
            double[] layer = [.. whole.Select(w => w * (0.5 + random.NextDouble()))];
            WeighedSamples chosen = WeighedSamples.ByError(all, whole, 20), alike = WeighedSamples.Alike([.. all.Where(i => i % 10 == 0)]);
            double Of(WeighedSamples s) => (s.Apply([.. s.Indices.Select(i => layer[i])]).Average() / layer.Average()) - 1;
            off += Math.Abs(Of(chosen));
            offAlike += Math.Abs(Of(alike));
            bias += Of(chosen) / 50;
        }

        Assert.True(off < offAlike / 2, $"{off} {offAlike}");
        Assert.InRange(bias, -0.02, 0.02);
    }

    [Fact]
    public void Samples_are_chosen_in_order_and_as_many_as_are_wanted()
    {
        double[] errors = [0, 0, 8, 0, 0, 0, 0, 0];
        WeighedSamples chosen = WeighedSamples.ByError([10, 11, 12, 13, 14, 15, 16, 17], errors, 4);
        Assert.Equal(4, chosen.Indices.Count);
        Assert.Equal(chosen.Indices, chosen.Indices.Order());
        Assert.Contains(12, chosen.Indices);
        Assert.All(chosen.Indices.Zip(chosen.Weights), c => Assert.True(c.First == 12 ? c.Second < 1 : c.Second > 1));
    }

    [Fact]
    public void Where_errors_say_nothing_samples_are_spread_evenly()
    {
        Assert.Equal(WeighedSamples.Alike([0, 1, 2]).Weights, WeighedSamples.ByError([0, 1, 2], [0, 0, 0], 3).Weights);
        Assert.Equal(2, WeighedSamples.ByError([0, 1, 2, 3], [0, 0, 0, 0], 2).Indices.Count);
        Assert.Equal(2, WeighedSamples.ByError([0, 1, 2, 3], [1, double.NaN, 0, 0], 2).Indices.Count);
    }

    [Theory]
    [InlineData(30, 48, 8)]
    [InlineData(28, 96, 16)]
    [InlineData(10, 200, 22)]
    [InlineData(1, 5, 5)]
    [InlineData(50, 512, 64)]
    public void A_tenth_of_brute_force_is_afforded_and_no_fewer_than_eight(int layers, int samples, int each) =>
        Assert.Equal(each, WeighedSamples.Affordable(layers, samples));
}
