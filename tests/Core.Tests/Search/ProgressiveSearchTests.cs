using QuantCluster.Search;
using QuantCluster.Search.Orders;
using QuantCluster.Tests.Search.Sensitivity;

namespace QuantCluster.Tests.Search;

public sealed class ProgressiveSearchTests
{
    private static readonly string[] Orders = ["sensitivity-ascending", "topological", "reverse", "beam-2"];

    [Fact]
    public async Task A_chain_goes_to_its_end_while_another_waits_for_its_first_step()
    {
        OrderWalk walk = new(SensitivityNetworks.Chain(outlier: 20));
        ProgressiveChain waiting = walk.Chain(LayerOrders.Get("topological")), other = walk.Chain(LayerOrders.Get("reverse"));
        HashSet<string> first = [.. waiting.Extensions().Concat(waiting.Begin([])[0].Propose()).Select(c => walk.Builder.Build(c).Key)];
        TaskCompletionSource end = new(TaskCreationOptions.RunContinuationsAsynchronously);
        walk.Before = trials => trials.Any(t => first.Contains(t.Key)) ? end.Task : Task.CompletedTask;
        Task<(IReadOnlyList<SearchPoint>, bool)> search = walk.AlongAsync([waiting, other]);
        for (int tries = 0; tries < 1000 && !other.IsFinished; tries++)
            await Task.Delay(10);
        Assert.True(other.IsFinished);
        Assert.Equal(0, waiting.Progress.Done);
        Assert.False(search.IsCompleted);
        end.SetResult();
        Assert.True((await search).Item2);
    }

    [Fact]
    public async Task Whoever_is_faster_chains_reach_the_same_in_the_same_order_within_any_number_of_trials()
    {
        int reached = 0;
        bool isWhole = false;
        for (int trials = 20; !isWhole; trials += 12)
        {
            (string[] Points, int Count, bool IsWhole) even = await WalkAsync(trials), uneven = await WalkAsync(trials, isUneven: true);
            Assert.Equal(even.Points, uneven.Points);
            Assert.Equal((even.Count, even.IsWhole), (uneven.Count, uneven.IsWhole));
            Assert.InRange(even.Count, 0, ProgressiveSearch.Share * trials);
            Assert.InRange(even.Points.Length, reached, int.MaxValue);
            (reached, isWhole) = (even.Points.Length, even.IsWhole);
        }

        Assert.Equal(Orders.Length * 5, reached);
    }

    [Fact]
    public async Task What_is_sure_to_be_allowed_is_what_would_be_allowed_step_by_step()
    {
        for (int trials = 40; trials <= 160; trials += 24)
        {
            OrderWalk walk = new(SensitivityNetworks.Chain(outlier: 20), SearchEffort.Thorough, trials);
            ProgressiveChain[] chains = [.. Orders.Select(o => walk.Chain(LayerOrders.Get(o)))];
            int most = chains.Sum(c => c.MostTrialsOfStep), before = walk.Ledger.Count;
            await walk.AlongAsync(chains);

            // Every chain has taken a step as long as the bound allowed one, and no step took more than its bound.
            int steps = chains.Min(c => c.Progress.Done);
            Assert.All(chains, c => Assert.Equal(steps, c.Progress.Done));
            Assert.InRange(walk.Ledger.Count - before, 0, steps * most);
            Assert.True(steps == 5 || (steps + 1) * most > (ProgressiveSearch.Share * trials) - before, $"{steps} steps of {trials} trials");
        }
    }

    private static async Task<(string[] Points, int Count, bool IsWhole)> WalkAsync(int trials, bool isUneven = false)
    {
        OrderWalk walk = new(SensitivityNetworks.Chain(outlier: 20), trials: trials);
        ProgressiveChain[] chains = [.. Orders.Select(o => walk.Chain(LayerOrders.Get(o)))];
        if (isUneven)
            walk.Before = _ => Task.Delay(Random.Shared.Next(4));
        (IReadOnlyList<SearchPoint> points, bool isWhole) = await walk.AlongAsync(chains);
        return ([.. points.Select(p => $"{p.Origin} {p.Configuration.Hash} {string.Join(' ', p.SearchErrors)}")], walk.Ledger.Count, isWhole);
    }
}
