using System.Globalization;

namespace QuantCluster.Bench;

/// <summary>What a cluster gains, what it costs, and what gives way first as it grows: the figures of <c>docs/cluster.md</c>.</summary>
internal static class ScaleBench
{
    /// <summary>A stage takes one worker about so many seconds.</summary>
    private const double StageSeconds = 16;

    private const string Seconds = "--seconds=";

    /// <param name="arguments">
    /// Which parts, and for the first which engines and stages (all where none are named), whether to compare with workers that
    /// are given items as they come (<c>plain</c>), and how long a stage is to take one worker (<c>--seconds=</c>).
    /// </param>
    public static async Task<int> RunAsync(string[] arguments)
    {
        string[] engines = [.. ScaleCluster.Kinds.Select(k => k.Name).Intersect(arguments)];
        string[] stages = [.. StageWork.Names.Intersect(arguments)];
        bool plain = arguments.Contains("plain");
        double seconds = arguments.FirstOrDefault(a => a.StartsWith(Seconds, StringComparison.Ordinal)) is { } given
            ? double.Parse(given.AsSpan(Seconds.Length), CultureInfo.InvariantCulture)
            : StageSeconds;
        string[] parts = [.. arguments.Except(engines).Except(stages).Where(a => a != "plain" && !a.StartsWith(Seconds, StringComparison.Ordinal))];
        bool all = parts.Length == 0;
        if (all || parts.Contains("parallel"))
            await ParallelStages.RunAsync(engines, stages, seconds, plain);
        if (all || parts.Contains("overhead"))
            await EngineOverhead.RunAsync();
        if (all || parts.Contains("merge"))
            await MergeCost.RunAsync();
        if (all || parts.Contains("coordinator"))
            await CoordinatorGrowth.RunAsync();
        return 0;
    }
}
