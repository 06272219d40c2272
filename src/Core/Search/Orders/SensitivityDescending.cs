namespace QuantCluster.Search.Orders;

/// <summary>The costliest first: every later layer can make up for their errors.</summary>
internal sealed class SensitivityDescending : ILayerOrder
{
    public string Name => "sensitivity-descending";

    public IReadOnlyList<string> Arrange(LayerOrderContext context) => [.. context.Layers.OrderByDescending(l => context.Sensitivity[l.Id]).Select(l => l.Id)];
}
