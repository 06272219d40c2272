using QuantCluster.Jobs;

namespace QuantCluster.Grains;

/// <summary>
/// Where an item belongs: items of one route share what their grains keep. What is done sample by sample goes by its
/// block to a shard; what is done layer by layer, to the grain of those layers; what is of neither, to any shard.
/// </summary>
/// <param name="Layers">For a <see cref="ILayerGrain"/>; otherwise for a <see cref="IShardGrain"/>.</param>
/// <param name="Part">What the grains' keys begin with.</param>
public sealed record WorkRoute(bool Layers, string Part)
{
    /// <summary>Statistics of some layers' tensors, merged over all shards; the argument says which.</summary>
    public const string MergeKind = "merge-statistics";

    /// <summary>Ranges of some layers' tensors, from statistics merged over all shards; the argument says which.</summary>
    public const string RangesKind = "estimate-ranges";

    /// <summary>Corrections of some layers in a trial; the item says which.</summary>
    public const string CorrectionsKind = "correct-trial";

    /// <param name="job">Names the job.</param>
    /// <param name="item">The item.</param>
    public static WorkRoute Of(string job, WorkItem item)
    {
        if (item.Layers.Count > 0 && item.Kind == CorrectionsKind)
            return new WorkRoute(true, $"{job}/{item.Kind}/{NameOf(item.Layers)}");
        int space = item.Argument.LastIndexOf(' ');
        string part = item.Argument[(space + 1)..];
        return part.Contains("..", StringComparison.Ordinal)
            ? new WorkRoute(item.Kind is MergeKind or RangesKind, $"{job}/{item.Kind}/{part}")
            : new WorkRoute(false, $"{job}/{item.Kind}");
    }

    /// <summary>Key of the <see cref="ILayerGrain"/> that watches over what is tried for layers: no coordinator's, so that the next one finds it.</summary>
    /// <param name="job">Names the job.</param>
    /// <param name="layers">The layers' ids.</param>
    public static string WatcherOf(string job, IReadOnlyList<string> layers) => $"{job}/{NameOf(layers)}";

    /// <summary>Key of a lane's grain.</summary>
    public string KeyOf(int lane) => $"{Part}#{lane}";

    /// <summary>The grain of a lane.</summary>
    /// <param name="key">Of the lane.</param>
    public IWorkGrain Grain(IGrainFactory grains, string key) => Layers ? grains.GetGrain<ILayerGrain>(key) : grains.GetGrain<IShardGrain>(key);

    /// <summary>Ids of layers may hold anything.</summary>
    private static string NameOf(IReadOnlyList<string> layers) => ContentHash.Of(layers)[..16];
}
