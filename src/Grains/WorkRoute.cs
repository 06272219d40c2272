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

    /// <summary>Corrections of some layers in a trial; the argument is the trial, the last inputs are the layers.</summary>
    public const string CorrectionsKind = "correct-trial";

    /// <summary>Inputs of a correction before the layers' names.</summary>
    private const int InputsBeforeLayers = 6;

    /// <param name="job">Names the job.</param>
    /// <param name="item">The item.</param>
    public static WorkRoute Of(string job, WorkItem item)
    {
        if (item.Kind == CorrectionsKind)
            return new WorkRoute(true, $"{job}/{item.Kind}/{ContentHash.Of(item.Inputs.Skip(InputsBeforeLayers))[..16]}");
        int space = item.Argument.LastIndexOf(' ');
        string part = item.Argument[(space + 1)..];
        return part.Contains("..", StringComparison.Ordinal)
            ? new WorkRoute(item.Kind is MergeKind or RangesKind, $"{job}/{item.Kind}/{part}")
            : new WorkRoute(false, $"{job}/{item.Kind}");
    }

    /// <summary>The grain of a lane.</summary>
    public IWorkGrain Grain(IGrainFactory grains, int lane) =>
        Layers ? grains.GetGrain<ILayerGrain>($"{Part}#{lane}") : grains.GetGrain<IShardGrain>($"{Part}#{lane}");
}
