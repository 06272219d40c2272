using QuantCluster.Planning;

namespace QuantCluster.Search.Orders;

/// <summary>What orders go by.</summary>
/// <param name="Layers">Those that can be quantized, in graph order.</param>
/// <param name="Sensitivity">Layer id to the whole model's error with that layer alone quantized.</param>
/// <param name="TimeGain">Layer id to what quantizing it saves: larger is more.</param>
public sealed record LayerOrderContext(
    IReadOnlyList<Layer> Layers, IReadOnlyDictionary<string, double> Sensitivity, IReadOnlyDictionary<string, double> TimeGain);

/// <summary>In which order layers are quantized, one under the error of those before it.</summary>
public interface ILayerOrder
{
    /// <summary>The name users see and choose it by.</summary>
    string Name { get; }

    /// <summary>Prefixes that are kept side by side.</summary>
    int Width => 1;

    /// <summary>Of the layers a prefix leaves, so many of the first are tried as its next; 1 keeps to the arrangement.</summary>
    int Successors => 1;

    /// <summary>A permutation of the layers' ids; the same one for the same context.</summary>
    IReadOnlyList<string> Arrange(LayerOrderContext context);
}
