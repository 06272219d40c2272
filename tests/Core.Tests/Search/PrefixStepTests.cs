using QuantCluster.Search;
using QuantCluster.Search.Configuration;
using QuantCluster.Search.Orders;
using QuantCluster.Tests.Search.Sensitivity;

namespace QuantCluster.Tests.Search;

public sealed class PrefixStepTests
{
    [Fact]
    public void A_step_tries_every_distinct_range_of_its_new_tensors_the_default_one_first()
    {
        IReadOnlyList<SearchConfiguration> candidates = FirstStep(SearchEffort.Balanced, out TrialBuilder builder);
        Assert.Empty(candidates[0].Ranges);
        Assert.Equal(candidates.Count, candidates.Select(c => builder.Build(c).Key).Distinct().Count());
        Assert.Contains(candidates, c => c.Ranges.Any(r => r.Value.Estimator == "percentile99.9"));
        Assert.DoesNotContain(candidates, c => c.Ranges.Any(r => r.Value.Factor != 1));
    }

    [Fact]
    public void A_thorough_step_tries_neighbours_of_the_default_range_too()
    {
        IReadOnlyList<SearchConfiguration> balanced = FirstStep(SearchEffort.Balanced, out _), thorough = FirstStep(SearchEffort.Thorough, out TrialBuilder builder);
        Assert.Equal(balanced.Select(c => c.Hash), thorough.Take(balanced.Count).Select(c => c.Hash));
        SearchConfiguration[] more = [.. thorough.Skip(balanced.Count)];
        Assert.NotEmpty(more);
        Assert.All(more.SelectMany(c => c.Ranges), r => Assert.Equal(builder.Ranges.Default, r.Value with { Factor = 1 }));
        Assert.Equal([0.9, 1.1], more.SelectMany(c => c.Ranges).Select(r => r.Value.Factor).Distinct().Order());
    }

    private static IReadOnlyList<SearchConfiguration> FirstStep(SearchEffort effort, out TrialBuilder builder)
    {
        OrderWalk walk = new(SensitivityNetworks.Chain(outlier: 20), effort);
        builder = walk.Builder;
        ProgressiveChain chain = walk.Chain(new Topological());
        Assert.Empty(chain.Extensions());
        return Assert.Single(chain.Begin([])).Propose();
    }
}
