using FsCheck;
using FsCheck.Fluent;
using QuantCluster.Search;

namespace QuantCluster.Tests.Search;

public class PairedGainTests
{
    [Fact]
    public void Mean_and_standard_error_are_those_of_the_differences() => Pairs((before, after) =>
    {
        PairedGain gain = PairedGain.Of(before, after);
        double[] differences = [.. before.Zip(after, (b, a) => b - a)];
        double mean = differences.Average(), size = Math.Max(1, differences.Max(Math.Abs));
        double variance = differences.Sum(d => (d - mean) * (d - mean)) / (differences.Length - 1);
        Assert.Equal(mean, gain.Mean, size * 1e-12);
        Assert.Equal(Math.Sqrt(variance / differences.Length), gain.StandardError, size * 1e-9);
    });

    [Fact]
    public void The_gain_of_the_way_back_is_the_opposite() => Pairs((before, after) =>
    {
        PairedGain there = PairedGain.Of(before, after), back = PairedGain.Of(after, before);
        Assert.Equal(there.Mean, -back.Mean, 1e-9);
        Assert.Equal(there.StandardError, back.StandardError, 1e-9);
        Assert.False(there.IsSignificant(0) && back.IsSignificant(0));
    });

    [Fact]
    public void What_is_significant_at_two_errors_is_so_at_one() => Pairs((before, after) =>
    {
        PairedGain gain = PairedGain.Of(before, after);
        Assert.True(!gain.IsSignificant(2) || gain.IsSignificant(1));
        Assert.True(!gain.IsSignificant(1) || gain.Mean > 0);
    });

    [Fact]
    public void Equal_errors_are_no_gain_and_a_steady_gain_is_certain()
    {
        Assert.False(PairedGain.Of([1, 2, 3], [1, 2, 3]).IsSignificant(0));
        Assert.True(PairedGain.Of([1, 2, 3], [0.5, 1.5, 2.5]).IsSignificant(100));
        Assert.False(PairedGain.Of([0.5, 1.5, 2.5], [1, 2, 3]).IsSignificant(0));
    }

    [Fact]
    public void One_sample_proves_nothing_beyond_itself()
    {
        PairedGain gain = PairedGain.Of([2], [1]);
        Assert.True(gain.IsSignificant(0.5));
        Assert.False(gain.IsSignificant(1));
        Assert.False(PairedGain.Of([], []).IsSignificant(0));
    }

    [Fact]
    public void A_candidate_without_a_number_is_no_gain() => Assert.False(PairedGain.Of([1, 2], [0, double.NaN]).IsSignificant(0));

    [Fact]
    public void Errors_of_different_samples_are_not_compared() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => PairedGain.Of([1, 2], [1]));

    private static void Pairs(Action<double[], double[]> holds)
    {
        Gen<double> error = Gen.Choose(0, 1_000_000).Select(i => i / 1000.0);
        Gen<(double, double)[]> pairs = error.SelectMany(b => error.Select(a => (b, a))).ArrayOf().Where(p => p.Length > 1);
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(100), Prop.ForAll(pairs.ToArbitrary(), p => holds([.. p.Select(x => x.Item1)], [.. p.Select(x => x.Item2)])));
    }
}
