using QuantCluster.Tests.Chaos;

namespace QuantCluster.Tests.Workers;

/// <summary>A short time of chaos; <c>./test chaos --minutes 10</c> is a long one.</summary>
public sealed class ChaosTests(ITestOutputHelper output)
{
    [Fact]
    public async Task Broken_all_the_time_a_cluster_loses_nothing_and_comes_to_the_same_bytes()
    {
        Require.Redis();
        ChaosResult result = await ChaosRun.RunAsync(TimeSpan.FromSeconds(12), seed: 20260, output.WriteLine);
        output.WriteLine(result.ToString());
        Assert.True(result.IsGood, result.ToString());
        Assert.NotEmpty(result.Faults);
    }
}
