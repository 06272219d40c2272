namespace QuantCluster.Search.Orders;

/// <summary>As the model computes: each layer's inputs already have the errors they will have.</summary>
internal sealed class Topological : ILayerOrder
{
    public string Name => "topological";

    public IReadOnlyList<string> Arrange(LayerOrderContext context) => [.. context.Layers.Select(l => l.Id)];
}
