using QuantCluster.Data;

namespace QuantCluster.Jobs;

/// <summary>The first samples of a dataset; owns it.</summary>
internal sealed class FirstSamples(IDataset all, int count) : IDataset
{
    public int Count => Math.Min(count, all.Count);

    public int RecordCount => Count == 0 ? 0 : (int)Math.Min(all.RecordCount, (long)Count * ((all.RecordCount + all.Count - 1) / all.Count));

    public bool IsSynthetic => all.IsSynthetic;

    public Sample Read(int index)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
        return all.Read(index);
    }

    public void Dispose() => all.Dispose();
}
