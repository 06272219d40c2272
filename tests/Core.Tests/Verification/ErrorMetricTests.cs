using QuantCluster.Verification;
using QuantCluster.Verification.Metrics;

namespace QuantCluster.Tests.Verification;

public class ErrorMetricTests
{
    [Fact]
    public void Sqnr_is_ten_log_of_signal_over_noise()
    {
        ErrorTally tally = Tally([3, 4], [3, 4.5f], [2]);
        Assert.Equal(10 * Math.Log10(25 / 0.25), tally.Value("sqnr_db")!.Value, 12);
    }

    [Fact]
    public void Equal_outputs_have_infinite_sqnr_and_full_agreement()
    {
        ErrorTally tally = Tally([1, -2, 3], [1, -2, 3], [1, 3]);
        Assert.Equal(double.PositiveInfinity, tally.Value("sqnr_db"));
        Assert.Equal(1, tally.Value("cosine")!.Value, 12);
        Assert.Equal(100, tally.Value("agreement"));
        Assert.Equal(0, tally.Value("max_abs_error"));
    }

    [Fact]
    public void The_same_infinity_in_both_models_is_no_error()
    {
        ErrorTally tally = Tally([float.NegativeInfinity, 3, 4], [float.NegativeInfinity, 3, 4.5f], [3]);
        Assert.Equal(10 * Math.Log10(25 / 0.25), tally.Value("sqnr_db")!.Value, 12);
        Assert.Equal(0.5, tally.Value("max_abs_error"));
    }

    [Fact]
    public void A_NaN_only_in_the_quantized_model_is_infinite_noise_and_disagreement()
    {
        ErrorTally tally = Tally([1, 2], [1, float.NaN], [1, 2]);
        Assert.Equal(double.NegativeInfinity, tally.Value("sqnr_db"));
        Assert.Equal(0, tally.Value("agreement"));
        Assert.Equal(double.PositiveInfinity, tally.Value("max_abs_error"));
    }

    [Fact]
    public void Agreement_counts_every_position_and_ignores_trailing_axes_of_one()
    {
        Assert.Equal(50, Tally([1, 2, 5, 4], [0, 3, 4, 5], [1, 2, 2]).Value("agreement"));
        Assert.Equal(100, Tally([1, 2, 5, 4], [1, 2, 7, 4], [1, 4, 1, 1]).Value("agreement"));
        Assert.Null(Tally([1], [2], [1, 1]).Value("agreement"));
    }

    [Fact]
    public void Kl_needs_a_softmax_and_is_zero_for_equal_distributions()
    {
        Assert.Null(Tally([1, 2], [1, 2], [1, 2]).Value("kl"));
        Assert.Equal(0, Tally([0.25f, 0.75f], [0.25f, 0.75f], [1, 2], OutputKind.Probabilities).Value("kl")!.Value, 12);
        double expected = (0.25 * Math.Log(0.25 / 0.5)) + (0.75 * Math.Log(0.75 / 0.5));
        Assert.Equal(expected, Tally([0.25f, 0.75f], [0.5f, 0.5f], [1, 2], OutputKind.Probabilities).Value("kl")!.Value, 6);
    }

    [Fact]
    public void Kl_of_logits_is_that_of_their_softmax_even_for_huge_logits()
    {
        double expected = (0.25 * Math.Log(0.25 / 0.5)) + (0.75 * Math.Log(0.75 / 0.5));
        float[] reference = [MathF.Log(0.25f) + 5000, MathF.Log(0.75f) + 5000];
        Assert.Equal(expected, KullbackLeibler.OfLogarithms(reference, [-9000, -9000]), 3);
        Assert.True(double.IsFinite(KullbackLeibler.OfProbabilities([0.5f, 0.5f], [1f, 0f])));
    }

    [Fact]
    public void Merging_blocks_equals_measuring_at_once()
    {
        Random random = new(5);
        float[] r = [.. Enumerable.Range(0, 60).Select(_ => random.NextSingle())];
        float[] q = [.. r.Select(v => v + (0.01f * random.NextSingle()))];
        ErrorTally whole = new(), first = new(), second = new();
        for (int i = 0; i < 6; i++)
        {
            OutputPair pair = Pair(r.AsSpan(i * 10, 10), q.AsSpan(i * 10, 10), [2, 5], OutputKind.Values);
            whole.Add(pair);
            (i < 3 ? first : second).Add(pair);
        }

        first.Merge(second);
        foreach (MetricValue value in whole.Values())
        {
            if (value.Value is { } expected)
                Assert.Equal(expected, first.Value(value.Name)!.Value, 10);
        }

        Assert.Equal(6, first.Samples);
    }

    private static OutputPair Pair(ReadOnlySpan<float> reference, ReadOnlySpan<float> quantized, long[] shape, OutputKind kind) =>
        new(new OutputView("y", shape, reference, kind), new OutputView("y", shape, quantized, kind), isPrimary: true);

    private static ErrorTally Tally(float[] reference, float[] quantized, long[] shape, OutputKind kind = OutputKind.Values)
    {
        ErrorTally tally = new();
        tally.Add(Pair(reference, quantized, shape, kind));
        return tally;
    }
}
