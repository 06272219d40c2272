using QuantCluster.Jobs;

namespace QuantCluster.Tests.Jobs;

public class WaitingItemsTests
{
    private readonly WarmWorkers _warm = new();

    [Fact]
    public void What_items_share_is_no_part_of_what_they_are() => Assert.Equal(Item("x").Key, Item("x", "a").Key);

    [Fact]
    public void A_worker_is_given_what_it_has_most_of()
    {
        _warm.Note("one", Item("0", "ab", "a"));
        Assert.Equal("most less none", Order("one", Item("none", "bc", "b"), Item("less", "ac", "a"), Item("most", "ab", "a")));
    }

    [Fact]
    public void What_another_has_comes_after_what_nobody_has()
    {
        _warm.Note("other", Item("0", "a"));
        Assert.Equal("2 3 1", Order("one", Item("1", "a"), Item("2", "b"), Item("3")));
        Assert.Equal("1 2 3", Order("other", Item("1", "a"), Item("2", "b"), Item("3")));
    }

    [Fact]
    public void Of_equals_and_for_nobody_in_particular_the_first_is_next()
    {
        _warm.Note("one", Item("0", "b"));
        Assert.Equal("1 2 3", Order("two", Item("1"), Item("2"), Item("3")));
        Assert.Equal("1 2 3", Order(null, Item("1", "a"), Item("2", "b"), Item("3")));
    }

    [Fact]
    public void A_worker_has_forgotten_what_it_did_long_ago()
    {
        _warm.Note("one", Item("0", "a"));
        for (int i = 0; i < 200; i++)
            _warm.Note("one", Item($"{i}", $"other {i}"));
        Assert.Equal(0, _warm.Fit("one", Item("1", "a")));
        Assert.Equal(1, _warm.Fit("one", Item("1", "other 199")));
    }

    [Fact]
    public void No_item_waits_for_ever_because_others_suit_better()
    {
        _warm.Note("one", Item("0", "a"));
        WaitingItems waiting = new(_warm);
        waiting.Add(Item("unloved"));
        int turns = 0;
        do
        {
            waiting.Add(Item($"{turns}", "a"));
            turns++;
        }
        while (waiting.TakeFor("one", 1).Argument != "unloved");
        Assert.InRange(turns, 2, 20);
    }

    [Fact]
    public void Each_of_many_workers_keeps_to_its_own()
    {
        const int Workers = 8, Each = 8;
        WaitingItems waiting = new(_warm);
        for (int i = 0; i < Workers * Each; i++)
            waiting.Add(Item($"{i}", $"{i / Each}"));
        for (int turn = 0; turn < Workers * Each; turn++)
        {
            string worker = $"worker {turn % Workers}";
            WorkItem item = waiting.TakeFor(worker, Workers);
            Assert.Equal($"{turn % Workers}", item.Affinity[0]);
            _warm.Note(worker, item);
        }
    }

    [Fact]
    public void It_pays_to_choose_who_does_long_items_that_share_something()
    {
        ItemTimes times = new();
        Assert.True(times.PayToBeChosen(Item("1", "a")));
        Assert.False(times.PayToBeChosen(Item("1")));
        times.Note(new WorkResult(Item("1"), default, null, 1, TimeSpan.FromMilliseconds(1)));
        Assert.False(times.PayToBeChosen(Item("1", "a")));
        for (int i = 0; i < 20; i++)
            times.Note(new WorkResult(Item("1"), default, null, 1, TimeSpan.FromMilliseconds(100)));
        Assert.True(times.PayToBeChosen(Item("1", "a")));
        Assert.True(times.AreLong(Item("1")));
    }

    [Fact]
    public void What_can_wait_comes_last_but_not_never()
    {
        _warm.Note("one", Item("0", "a"));
        Assert.Equal("2 3 1", Order("one", Item("1", "a") with { CanWait = true }, Item("2"), Item("3")));
        Assert.Equal("2 3 1", Order(null, Item("1") with { CanWait = true }, Item("2"), Item("3")));
        string[] order = Order("one", [Item("late") with { CanWait = true }, .. Enumerable.Range(0, 100).Select(i => Item($"{i}", "a"))]).Split(' ');
        Assert.InRange(Array.IndexOf(order, "late"), 10, 30);
    }

    private string Order(string? worker, params WorkItem[] items)
    {
        WaitingItems waiting = new(_warm);
        Array.ForEach(items, waiting.Add);
        return string.Join(' ', items.Select(_ => waiting.TakeFor(worker, 1).Argument));
    }

    private static WorkItem Item(string argument, params string[] affinity) => new("kind", argument) { Affinity = affinity };
}
