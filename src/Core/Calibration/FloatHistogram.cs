namespace QuantCluster.Calibration;

/// <summary>
/// How many finite values fell into each of the <see cref="FloatBins"/>, with the exact least and greatest of them.
/// Immutable, sparse, in order of value. Merging adds integers: any order gives the same histogram.
/// </summary>
public sealed class FloatHistogram
{
    private readonly ushort[] _ranks;
    private readonly long[] _counts;

    /// <param name="ranks">Ranks of the bins that hold values, ascending.</param>
    /// <param name="counts">Values in each, at least 1.</param>
    /// <param name="minimum">The least value, in the first bin.</param>
    /// <param name="maximum">The greatest value, in the last bin.</param>
    public FloatHistogram(ushort[] ranks, long[] counts, float minimum, float maximum)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(ranks.Length, counts.Length);
        _ranks = ranks;
        _counts = counts;
        Minimum = minimum;
        Maximum = maximum;
        foreach (long count in counts)
            Total += count;
    }

    public static FloatHistogram Empty { get; } = new([], [], 0, 0);

    /// <summary>Ranks of the bins that hold values, ascending, thus in order of value.</summary>
    public ReadOnlySpan<ushort> Ranks => _ranks;

    /// <summary>Values in each of <see cref="Ranks"/>.</summary>
    public ReadOnlySpan<long> Counts => _counts;

    /// <summary>All values counted.</summary>
    public long Total { get; }

    /// <summary>The least value; 0 when there is none.</summary>
    public float Minimum { get; }

    /// <summary>The greatest value; 0 when there is none.</summary>
    public float Maximum { get; }

    public bool IsEmpty => _ranks.Length == 0;

    /// <summary>Values that are zero, or too small (below 2⁻¹³³) to tell from it.</summary>
    public long Zeros => CountAt(0x7FFF) + CountAt(0x8000);

    /// <summary>
    /// Ends of the <paramref name="index"/>-th bin of <see cref="Ranks"/>, drawn in to the least and
    /// greatest value; the two bins beside zero hold zero itself.
    /// </summary>
    public (double Low, double High) Edges(int index)
    {
        int rank = _ranks[index];
        if (rank is 0x7FFF or 0x8000)
            return (0, 0);
        (double low, double high) = FloatBins.Edges(rank);
        return (Math.Max(low, Minimum), Math.Min(high, Maximum));
    }

    /// <summary>The histogram of <paramref name="values"/>; NaN and infinities are left out.</summary>
    public static FloatHistogram Of(ReadOnlySpan<float> values)
    {
        using HistogramTable table = new();
        ValueScan scan = new();
        table.Add(values, ref scan);
        return table.ToHistogram(scan.Minimum, scan.Maximum);
    }

    public static FloatHistogram Merge(FloatHistogram left, FloatHistogram right)
    {
        if (left.IsEmpty)
            return right;
        if (right.IsEmpty)
            return left;
        ushort[] ranks = new ushort[left._ranks.Length + right._ranks.Length];
        long[] counts = new long[ranks.Length];
        int count = 0;
        for (int l = 0, r = 0; l < left._ranks.Length || r < right._ranks.Length; count++)
        {
            int a = l < left._ranks.Length ? left._ranks[l] : int.MaxValue;
            int b = r < right._ranks.Length ? right._ranks[r] : int.MaxValue;
            ranks[count] = (ushort)Math.Min(a, b);
            counts[count] = (a <= b ? left._counts[l++] : 0) + (b <= a ? right._counts[r++] : 0);
        }

        return new FloatHistogram(
            ranks[..count], counts[..count], Math.Min(left.Minimum, right.Minimum), Math.Max(left.Maximum, right.Maximum));
    }

    /// <summary>
    /// The value below which <paramref name="fraction"/> of all values lie, taking those of one bin as evenly
    /// spread over it: within one bin (2⁻⁷ of its magnitude) of the exact order statistic, exact at 0 and 1.
    /// </summary>
    public double Quantile(double fraction)
    {
        if (IsEmpty)
            return 0;
        double target = Math.Clamp(fraction, 0, 1) * Total, below = 0;
        for (int i = 0; i < _ranks.Length; i++)
        {
            if (below + _counts[i] >= target)
            {
                (double low, double high) = Edges(i);
                return low + ((high - low) * Math.Max(0, target - below) / _counts[i]);
            }

            below += _counts[i];
        }

        return Maximum;
    }

    /// <summary>The mean, taking every value as its bin's middle: within 2⁻⁸ of the mean magnitude of the exact one.</summary>
    public double ApproximateMean()
    {
        double sum = 0;
        for (int i = 0; i < _ranks.Length; i++)
        {
            (double low, double high) = Edges(i);
            sum += _counts[i] * (low + high) / 2;
        }

        return IsEmpty ? 0 : sum / Total;
    }

    private long CountAt(ushort rank)
    {
        int index = Array.BinarySearch(_ranks, rank);
        return index < 0 ? 0 : _counts[index];
    }
}
