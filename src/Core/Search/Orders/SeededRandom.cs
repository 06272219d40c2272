using QuantCluster.Jobs;

namespace QuantCluster.Search.Orders;

/// <summary>Any order, the same one for a seed: what an order is worth shows against these.</summary>
internal sealed class SeededRandom(int seed) : ILayerOrder
{
    public string Name => $"random-{seed}";

    /// <summary>By a hash of seed and id: it depends on no library's generator, and not on the other layers.</summary>
    public IReadOnlyList<string> Arrange(LayerOrderContext context) =>
        [.. context.Layers.Select(l => l.Id).OrderBy(id => ContentHash.Of($"{seed}", id), StringComparer.Ordinal)];
}
