using QuantCluster.Data;

namespace QuantCluster.Corrections;

/// <summary>Some samples of a dataset, which it does not own.</summary>
/// <param name="chosen">Indices of <paramref name="all"/>.</param>
internal sealed class ChosenSamples(IDataset all, IReadOnlyList<int> chosen) : IDataset
{
    public int Count => chosen.Count;

    public bool IsSynthetic => all.IsSynthetic;

    public Sample Read(int index) => all.Read(chosen[index]);

    public void Dispose()
    {
    }
}
