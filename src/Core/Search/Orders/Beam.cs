namespace QuantCluster.Search.Orders;

/// <summary>
/// An order that is found on the way: several prefixes side by side, each tried with several next layers, the harmless
/// first; those of least error go on.
/// </summary>
/// <param name="width">Prefixes that go on, at least 1.</param>
/// <param name="successors">Next layers that each is tried with, at least 1; with one of each it is <see cref="SensitivityAscending"/>.</param>
internal sealed class Beam(int width, int successors = 3) : ILayerOrder
{
    /// <summary>How a beam's name begins; its width follows.</summary>
    public const string Prefix = "beam-";

    public string Name => $"{Prefix}{width}";

    public int Width => width;

    public int Successors => successors;

    public IReadOnlyList<string> Arrange(LayerOrderContext context) => new SensitivityAscending().Arrange(context);
}
