namespace QuantCluster.Bench;

/// <summary>This build has no Orleans (UseOrleans is false).</summary>
internal static class OrleansScaleClusters
{
    public static IReadOnlyList<(string Name, Func<int, Task<ScaleCluster>> Start)> Kinds { get; } = [];

    public static IReadOnlyList<Func<int, Task<ScaleCluster>>> OfContract { get; } = [];
}
