namespace QuantCluster.Search.Orders;

/// <summary>The harmless first: prefixes leave the costliest layers float.</summary>
internal sealed class SensitivityAscending : ILayerOrder
{
    public string Name => "sensitivity-ascending";

    public IReadOnlyList<string> Arrange(LayerOrderContext context) => [.. context.Layers.OrderBy(l => context.Sensitivity[l.Id]).Select(l => l.Id)];
}
