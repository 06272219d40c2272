using QuantCluster.Grains;

namespace QuantCluster.Tests;

public sealed class RecentAnswersTests
{
    private readonly RecentAnswers _recent = new();

    [Fact]
    public void An_answer_is_found_by_an_equal_order_and_by_no_other()
    {
        WorkAnswer answer = new() { Bytes = [1, 2, 3] };
        _recent.Keep(Order(1), answer);
        Assert.Same(answer, _recent.Find(Order(1) with { Argument = "said otherwise" }));
        Assert.Null(_recent.Find(Order(2)));
        Assert.Null(_recent.Find(Order(1) with { Job = "another" }));
        Assert.Null(_recent.Find(Order(1) with { Stamp = "another" }));
        Assert.Null(_recent.Find(Order(1) with { Version = "another" }));
    }

    [Fact]
    public void What_is_no_result_is_not_kept()
    {
        _recent.Keep(Order(1), new WorkAnswer { Failure = "poison" });
        _recent.Keep(Order(2), new WorkAnswer { IsRefused = true });
        _recent.Keep(Order(3), new WorkAnswer { IsLost = true });
        Assert.Equal(0, _recent.Count);
    }

    [Fact]
    public void Small_answers_are_bounded_by_their_number_and_the_oldest_go_first()
    {
        for (int i = 0; i < 3 * RecentAnswers.MostAnswers; i++)
            _recent.Keep(Order(i), new WorkAnswer { Bytes = new byte[10] });
        Assert.Equal(RecentAnswers.MostAnswers, _recent.Count);
        Assert.Equal(10 * RecentAnswers.MostAnswers, _recent.Bytes);
        Assert.Null(_recent.Find(Order((2 * RecentAnswers.MostAnswers) - 1)));
        Assert.NotNull(_recent.Find(Order(2 * RecentAnswers.MostAnswers)));
    }

    [Fact]
    public void Large_answers_are_bounded_by_their_bytes_and_one_that_comes_again_counts_once()
    {
        for (int i = 0; i < 3 * RecentAnswers.MostAnswers; i++)
            _recent.Keep(Order(i / 2), new WorkAnswer { Bytes = new byte[WorkAnswer.LargestInline] });
        Assert.InRange(_recent.Bytes, RecentAnswers.MostBytes - WorkAnswer.LargestInline, RecentAnswers.MostBytes);
        Assert.Equal(_recent.Bytes, _recent.Count * WorkAnswer.LargestInline);
    }

    private static WorkOrder Order(int i) => new("job", "stamp", "version", $"key {i}", "kind", $"{i}", []);
}
