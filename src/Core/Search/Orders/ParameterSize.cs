namespace QuantCluster.Search.Orders;

/// <summary>The most parameters first: prefixes are the smallest models.</summary>
internal sealed class ParameterSize : ILayerOrder
{
    public string Name => "parameter-size";

    public IReadOnlyList<string> Arrange(LayerOrderContext context) => [.. context.Layers.OrderByDescending(l => l.Parameters).Select(l => l.Id)];
}
