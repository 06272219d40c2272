using QuantCluster.Verification;

namespace QuantCluster.Reporting.Page;

/// <summary>Finds a layer's error: by the tensor it makes, else, where a tool renamed that, by its node.</summary>
internal sealed class ProfileLookup
{
    private readonly Dictionary<string, double> _byTensor = new(StringComparer.Ordinal);
    private readonly Dictionary<string, double> _byNode = new(StringComparer.Ordinal);

    public ProfileLookup(IEnumerable<TensorError> profile)
    {
        foreach (TensorError tensor in profile)
        {
            _byTensor[tensor.Tensor] = tensor.SqnrDb;
            if (tensor.Node.Length > 0)
                _byNode[tensor.Node] = tensor.SqnrDb;
        }
    }

    /// <summary>SQNR in dB; null where it was not measured.</summary>
    public double? OfTensor(string tensor) => _byTensor.TryGetValue(tensor, out double sqnr) ? sqnr : null;

    /// <inheritdoc cref="OfTensor"/>
    public double? OfLayer(ReportedLayer layer) => OfTensor(layer.Output) ?? (_byNode.TryGetValue(layer.Name, out double sqnr) ? sqnr : null);
}
