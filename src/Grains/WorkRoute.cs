using QuantCluster.Jobs;

namespace QuantCluster.Grains;

/// <summary>
/// Where an item belongs: items of one route share data, so they go to the same grains. Whether an item is of a block of
/// samples or of layers is told by its kind, which part by the last word of its argument.
/// </summary>
/// <param name="Layers">For a <see cref="ILayerGrain"/>; otherwise for a <see cref="IShardGrain"/>.</param>
/// <param name="Part">What the grains' keys begin with.</param>
/// <param name="Sessions">
/// What the items that share a warm session have in common, such as a trial's name; null where all of the route share it.
/// </param>
public sealed record WorkRoute(bool Layers, string Part, string? Sessions)
{
    /// <summary>Kinds that are done layer by layer, not sample by sample.</summary>
    private static readonly HashSet<string> LayerKinds = ["estimate-ranges"];

    /// <param name="job">Names the job.</param>
    /// <param name="item">The item.</param>
    public static WorkRoute Of(string job, WorkItem item)
    {
        int space = item.Argument.LastIndexOf(' ');
        string part = item.Argument[(space + 1)..];
        return new WorkRoute(LayerKinds.Contains(item.Kind), $"{job}/{item.Kind}/{part}", space < 0 ? null : item.Argument[..space]);
    }

    /// <summary>The grain of a lane.</summary>
    public IWorkGrain Grain(IGrainFactory grains, int lane) =>
        Layers ? grains.GetGrain<ILayerGrain>($"{Part}#{lane}") : grains.GetGrain<IShardGrain>($"{Part}#{lane}");
}
