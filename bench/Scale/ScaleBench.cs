namespace QuantCluster.Bench;

/// <summary>What a cluster gains, what it costs, and what gives way first as it grows: the figures of <c>docs/cluster.md</c>.</summary>
internal static class ScaleBench
{
    public static async Task<int> RunAsync(string[] parts)
    {
        bool all = parts.Length == 0;
        if (all || parts.Contains("parallel"))
            await ParallelStages.RunAsync();
        if (all || parts.Contains("overhead"))
            await EngineOverhead.RunAsync();
        if (all || parts.Contains("coordinator"))
            await CoordinatorGrowth.RunAsync();
        return 0;
    }
}
