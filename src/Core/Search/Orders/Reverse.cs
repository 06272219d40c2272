namespace QuantCluster.Search.Orders;

/// <summary>The last layer first: what a layer does to the output passes through integers already.</summary>
internal sealed class Reverse : ILayerOrder
{
    public string Name => "reverse";

    public IReadOnlyList<string> Arrange(LayerOrderContext context) => [.. context.Layers.Select(l => l.Id).Reverse()];
}
