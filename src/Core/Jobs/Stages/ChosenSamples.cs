using QuantCluster.Data;

namespace QuantCluster.Jobs.Stages;

/// <summary>Some samples of a dataset, which it does not own.</summary>
internal sealed class ChosenSamples(IDataset all, IReadOnlyList<int> indices) : IDataset
{
    public int Count => indices.Count;

    public bool IsSynthetic => all.IsSynthetic;

    public Sample Read(int index) => all.Read(indices[index]);

    public void Dispose()
    {
    }
}
