namespace QuantCluster.Bench;

internal static class OrleansScaleClusters
{
    public static IReadOnlyList<(string Name, Func<int, Task<ScaleCluster>> Start)> Kinds { get; } = [("orleans", OrleansScaleCluster.StartAsync)];

    public static IReadOnlyList<Func<int, Task<ScaleCluster>>> OfContract { get; } = [OrleansScaleCluster.OfContractAsync];
}
