using QuantCluster.Search;
using QuantCluster.Search.Guard;
using QuantCluster.Verification;
using QuantCluster.Verification.Metrics;

namespace QuantCluster.Tests.Search.Guard;

public class TaskDropTests
{
    [Fact]
    public void The_drop_expected_of_a_language_model_is_its_divergence_relative_to_its_entropy()
    {
        TaskDrop drop = TaskDrop.Of([Tokens(0.002, 1), Tokens(0.004, 3)]);
        Assert.Equal(100 * 0.003 / 2, drop.Expected!.Value.Mean, 1e-9);
        Assert.Null(drop.Measured);
        Assert.Equal(drop.Expected.Value.Mean, drop.Mean);
    }

    [Fact]
    public void Half_of_a_tolerance_is_left_for_what_the_divergence_does_not_know()
    {
        TaskDrop drop = TaskDrop.Of([Tokens(0.0006, 1), Tokens(0.0006, 1)]);
        Assert.False(drop.IsWithin(0.1));
        Assert.True(drop.IsWithin(0.121));
    }

    [Fact]
    public void Of_outputs_that_are_no_tokens_and_data_without_truth_nothing_is_known()
    {
        TaskDrop drop = TaskDrop.Of([[new SampleError(true, 0.5, 1, 1, 1, 1)], [new SampleError(true, 0.5, 1, 1, 1, 1)]]);
        Assert.Equal((null, null), (drop.Expected, drop.Measured));
        Assert.True(drop.IsWithin(0.1));
    }

    [Theory]
    [InlineData(1, 40, true)]
    [InlineData(3, 40, true)]
    [InlineData(6, 40, false)]
    [InlineData(40, 40, false)]
    public void A_measured_drop_counts_where_it_is_more_than_chance(int wrong, int samples, bool within)
    {
        TaskDrop drop = TaskDrop.Of([.. Enumerable.Range(0, samples).Select(i => new[] { new SampleError(false, 0, 1, 1, 1, 1, i < wrong ? 100 : 0) })]);
        Assert.Equal(100.0 * wrong / samples, drop.Measured!.Value.Mean, 1e-9);
        Assert.Equal(within, drop.IsWithin(0.1));
    }

    [Fact]
    public void Entropy_is_that_of_the_distribution_whether_as_logits_logarithms_or_probabilities()
    {
        float[] p = [0.5f, 0.25f, 0.25f];
        double entropy = 1.5 * Math.Log(2);
        Assert.Equal(entropy, Entropy.Of(p, OutputKind.Probabilities), 1e-6);
        Assert.Equal(entropy, Entropy.Of([.. p.Select(v => MathF.Log(v))], OutputKind.LogProbabilities), 1e-6);
        Assert.Equal(entropy, Entropy.Of([.. p.Select(v => MathF.Log(v) + 90)], OutputKind.Values), 1e-5);
        Assert.Equal(0, Entropy.Of([1, 0, 0], OutputKind.Probabilities), 1e-6);
    }

    private static SampleError[] Tokens(double divergence, double entropy) => [new SampleError(false, divergence, 1, 1, 1, 1, null, entropy)];
}
