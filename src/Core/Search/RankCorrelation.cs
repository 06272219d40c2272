namespace QuantCluster.Search;

/// <summary>How far two measures put the same things in the same order.</summary>
public static class RankCorrelation
{
    /// <summary>
    /// Spearman's ρ: the correlation of the ranks, 1 for the same order and −1 for the opposite one. Equal values share
    /// the mean of their ranks. NaN where one side is all equal, or has fewer than two values.
    /// </summary>
    public static double Spearman(IReadOnlyList<double> first, IReadOnlyList<double> second)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(second.Count, first.Count);
        double[] a = Ranks(first), b = Ranks(second);
        double mean = (a.Length - 1) / 2.0, product = 0, squaresA = 0, squaresB = 0;
        for (int i = 0; i < a.Length; i++)
        {
            product += (a[i] - mean) * (b[i] - mean);
            squaresA += (a[i] - mean) * (a[i] - mean);
            squaresB += (b[i] - mean) * (b[i] - mean);
        }

        return product / Math.Sqrt(squaresA * squaresB);
    }

    private static double[] Ranks(IReadOnlyList<double> values)
    {
        int[] order = [.. Enumerable.Range(0, values.Count).OrderBy(i => values[i])];
        double[] ranks = new double[values.Count];
        for (int first = 0, end; first < order.Length; first = end)
        {
            for (end = first + 1; end < order.Length && values[order[end]].Equals(values[order[first]]); end++)
            {
            }

            foreach (int i in order.AsSpan(first, end - first))
                ranks[i] = (first + end - 1) / 2.0;
        }

        return ranks;
    }
}
