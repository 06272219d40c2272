using FsCheck;
using FsCheck.Fluent;
using QuantCluster.Search;

namespace QuantCluster.Tests.Search;

public class SampleSplitTests
{
    [Fact]
    public void No_sample_both_chooses_and_judges() => Prop.ForAll(Gen.Choose(6, 500).ToArbitrary(), count =>
    {
        SampleSplit split = SampleSplit.Of(count, 1000);
        Assert.Equal(Enumerable.Range(0, count), split.Search.Concat(split.Validation).Order());
        Assert.InRange(split.Validation.Length, count * 0.2, count * 0.5);
    }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Data_that_take_turns_show_every_kind_to_both_parts(int kinds)
    {
        SampleSplit split = SampleSplit.Of(48, 48);
        Assert.Equal(kinds, split.Search.Select(i => i % kinds).Distinct().Count());
        Assert.Equal(kinds, split.Validation.Select(i => i % kinds).Distinct().Count());
    }

    [Fact]
    public void A_handful_of_samples_does_both() => Assert.Equal([0, 1, 2], SampleSplit.Of(3, 9).Validation);

    [Fact]
    public void Parts_have_no_more_samples_than_asked_for()
    {
        SampleSplit split = SampleSplit.Of(300, 10);
        Assert.Equal((10, 10), (split.Search.Length, split.Validation.Length));
    }
}
