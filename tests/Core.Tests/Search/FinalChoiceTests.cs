using QuantCluster.Search;
using QuantCluster.Search.Configuration;

namespace QuantCluster.Tests.Search;

public class FinalChoiceTests
{
    private static readonly SearchPoint Start = Point("start", 10, [4, 5, 6, 5], [4, 5, 6, 5]);

    [Fact]
    public void What_was_lucky_on_the_search_samples_alone_is_not_chosen() =>
        Assert.Same(Start, FinalChoice.Of(Start, [Point("lucky", 10, [0, 0, 0, 0], [4, 6, 6, 6])], 10, 1));

    [Fact]
    public void A_gain_that_could_be_chance_keeps_the_start() =>
        Assert.Same(Start, FinalChoice.Of(Start, [Point("noisy", 10, [4, 5, 6, 4], [0, 9, 1, 9])], 10, 1));

    [Fact]
    public void A_better_one_is_chosen_unless_it_is_too_slow()
    {
        SearchPoint better = Point("better", 11, [1, 2, 3, 2], [1, 2, 3, 2]);
        Assert.Same(better, FinalChoice.Of(Start, [better], 11, 1));
        Assert.Same(Start, FinalChoice.Of(Start, [better], 10, 1));
    }

    [Fact]
    public void Of_those_that_validation_cannot_tell_apart_all_samples_decide()
    {
        SearchPoint first = Point("first", 10, [3, 3, 3, 3], [1, 2, 1, 2]), second = Point("second", 10, [1, 1, 1, 1], [2, 1, 2, 1.2]);
        Assert.Same(second, FinalChoice.Of(Start, [first, second], 10, 1));
    }

    [Fact]
    public void A_small_gain_on_validation_counts_where_all_samples_together_show_it()
    {
        SearchPoint small = Point("small", 10, [2, 3, 4, 3], [4.1, 4.6, 6.2, 4.8]);
        Assert.False(FinalChoice.Gain(Start, small).IsSignificant(1));
        Assert.Same(small, FinalChoice.Of(Start, [small], 10, 1));
    }

    [Fact]
    public void What_was_not_judged_cannot_win() =>
        Assert.Same(Start, FinalChoice.Of(Start, [Point("unjudged", 10, [0, 0, 0, 0], null)], 10, 1));

    private static SearchPoint Point(string origin, double time, double[] search, double[]? validation) => new(
        origin, SearchConfiguration.AllFloat, Trial.OfNothing, search, time)
    {
        ValidationErrors = validation,
    };
}
