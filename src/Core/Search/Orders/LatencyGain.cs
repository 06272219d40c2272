namespace QuantCluster.Search.Orders;

/// <summary>What saves the most time first: prefixes are the fastest models.</summary>
internal sealed class LatencyGain : ILayerOrder
{
    public string Name => "latency-gain";

    public IReadOnlyList<string> Arrange(LayerOrderContext context) => [.. context.Layers.OrderByDescending(l => context.TimeGain[l.Id]).Select(l => l.Id)];
}
