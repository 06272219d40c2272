using FsCheck;
using FsCheck.Fluent;
using QuantCluster.Search.Frontier;

namespace QuantCluster.Tests.Search.Frontier;

public class ParetoFrontTests
{
    [Fact]
    public void What_is_worse_in_everything_is_not_on_the_front()
    {
        Cost[] all = [new(1, 3, 5), new(2, 2, 5), new(2, 3, 5), new(3, 1, 5), new(2, 2, 4)];
        Assert.Equal([all[0], all[3], all[4]], ParetoFront.Of(all, c => c));
    }

    [Fact]
    public void Of_equal_ones_the_first_stays()
    {
        (string Name, Cost Cost)[] all = [("a", new(1, 1, 1)), ("b", new(1, 1, 1))];
        Assert.Equal("a", Assert.Single(ParetoFront.Of(all, c => c.Cost)).Name);
    }

    [Fact]
    public void Every_one_left_out_is_dominated_and_no_one_left_in_is() => Check.QuickThrowOnFailure(
        Prop.ForAll(ArbMap.Default.ArbFor<byte[]>(), values =>
        {
            Cost[] all = [.. values.Chunk(3).Where(c => c.Length == 3).Select(c => new Cost(c[0] % 8, c[1] % 8, c[2] % 8)).Distinct()];
            IReadOnlyList<Cost> front = ParetoFront.Of(all, c => c);
            Assert.All(all, c => Assert.Equal(!all.Any(o => o.Dominates(c)), front.Contains(c)));
        }));

    [Fact]
    public void A_few_points_keep_the_fastest_and_the_most_accurate_and_lie_apart()
    {
        // Ten close together in the middle, one at each end.
        Cost[] front = [new(1, 1, 1), .. Enumerable.Range(0, 10).Select(i => new Cost(0.1 + (i * -0.001), 2 + (i * 0.001), 1)), new(0.01, 4, 1)];
        IReadOnlyList<Cost> few = ParetoFront.Spread(front, c => c, 3);
        Assert.Equal(3, few.Count);
        Assert.Equal([front[0], front[^1]], [few[0], few[2]]);
        Assert.InRange(few[1].Latency, 2, 2.01);
        Assert.Equal(front, ParetoFront.Spread(front, c => c, 12));
    }
}
