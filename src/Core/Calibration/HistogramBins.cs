namespace QuantCluster.Calibration;

/// <summary>Bins given by ascending keys, put in order of value: those of negative values come with the greatest keys, backwards.</summary>
internal sealed class HistogramBins
{
    private readonly List<ushort> _keys = [];
    private readonly List<long> _counts = [];

    /// <exception cref="InvalidDataException">There is no such bin, it holds nothing, or does not follow the last.</exception>
    public void Add(int key, long count)
    {
        if (count < 1 || key >= FloatBins.Count || (key & 0x7FFF) >= FloatBins.FirstNonFinite || (_keys.Count > 0 && key <= _keys[^1]))
            throw new InvalidDataException($"bin {key} holds {count}");
        _keys.Add((ushort)key);
        _counts.Add(count);
    }

    public FloatHistogram ToHistogram(float minimum, float maximum)
    {
        if (_keys.Count == 0)
            return FloatHistogram.Empty;
        int positive = _keys.FindIndex(k => k >= 0x8000);
        positive = positive < 0 ? _keys.Count : positive;
        ushort[] ranks = new ushort[_keys.Count];
        long[] counts = new long[ranks.Length];
        for (int i = 0; i < ranks.Length; i++)
        {
            int from = i < ranks.Length - positive ? ranks.Length - 1 - i : i - (ranks.Length - positive);
            ranks[i] = (ushort)FloatBins.RankOfKey(_keys[from]);
            counts[i] = _counts[from];
        }

        return new FloatHistogram(ranks, counts, minimum, maximum);
    }
}
