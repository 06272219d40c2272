using QuantCluster.Calibration;

namespace QuantCluster.Ranges;

/// <summary>A histogram laid out on equal cells either side of zero, with running totals: any cut's divergence in one walk over its levels.</summary>
internal sealed class CellDistribution
{
    private readonly int _cells;
    private readonly int _lowest;
    private readonly int _highest;
    private readonly double[] _mass;
    private readonly double[] _information;
    private readonly int[] _occupied;

    /// <param name="histogram">Zeros are left out.</param>
    /// <param name="width">Width of a cell.</param>
    /// <param name="cells">Cells on each side; together they reach every value.</param>
    public CellDistribution(FloatHistogram histogram, double width, int cells)
    {
        _cells = cells;
        double[] values = new double[2 * cells];
        for (int i = 0; i < histogram.Ranks.Length; i++)
        {
            (double low, double high) = histogram.Edges(i);
            if (high != 0 || low != 0)
                Spread(values, low / width, high / width, histogram.Counts[i]);
        }

        _mass = new double[values.Length + 1];
        _information = new double[values.Length + 1];
        _occupied = new int[values.Length + 1];
        for (int i = 0; i < values.Length; i++)
        {
            double v = values[i];
            _mass[i + 1] = _mass[i] + v;
            _information[i + 1] = _information[i] + (v > 0 ? v * Math.Log(v) : 0);
            _occupied[i + 1] = _occupied[i] + (v > 0 ? 1 : 0);
        }

        _lowest = Array.FindIndex(values, v => v > 0);
        _highest = Array.FindLastIndex(values, v => v > 0) + 1;
    }

    /// <summary>
    /// KL(P‖Q) in nats with values cut at <paramref name="cut"/> cells from zero and <paramref name="levels"/> steps between the ends.
    /// </summary>
    public double Divergence(int cut, int levels)
    {
        int first = Math.Max(_lowest, _cells - cut), last = Math.Min(_highest, _cells + cut);
        if (last - first <= 0)
            return double.PositiveInfinity;
        double total = _mass[^1], kept = _mass[last] - _mass[first];
        double below = _mass[first], above = total - _mass[last];
        // Σ p ln p over the cells, the two end cells with the cut values added, less Σ p ln q.
        double divergence = _information[last] - _information[first]
            + Moved(first, below) + (last - 1 == first ? 0 : Moved(last - 1, above)) - (total * Math.Log(total));
        double step = Math.Max(1, (double)(last - first) / levels);
        int from = first;
        for (int level = 1; from < last; level++)
        {
            int to = level >= levels ? last : Math.Clamp(first + (int)Math.Round(level * step), from + 1, last);
            double p = _mass[to] - _mass[from];
            int occupied = _occupied[to] - _occupied[from];
            double q = occupied == 0 ? 0 : p / kept / occupied;
            double here = p + (from == first ? below : 0) + (to == last ? above : 0);
            if (here > 0)
                divergence -= here * Math.Log(Math.Max(q, 1e-12));
            from = to;
        }

        return divergence / total;
    }

    private double Moved(int cell, double added)
    {
        double had = _mass[cell + 1] - _mass[cell], has = had + added;
        return (has > 0 ? has * Math.Log(has) : 0) - (had > 0 ? had * Math.Log(had) : 0);
    }

    private void Spread(double[] values, double low, double high, double count)
    {
        int first = Math.Clamp((int)Math.Floor(low) + _cells, 0, values.Length - 1);
        int last = Math.Clamp((int)Math.Ceiling(high) + _cells, first + 1, values.Length);
        if (last == first + 1)
        {
            values[first] += count;
            return;
        }

        for (int i = first; i < last; i++)
        {
            double overlap = Math.Min(high, i + 1 - _cells) - Math.Max(low, i - _cells);
            values[i] += count * Math.Max(0, overlap) / (high - low);
        }
    }
}
