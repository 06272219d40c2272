namespace QuantCluster.Search.Precision;

/// <summary>Which steps to take together so that enough bytes are saved.</summary>
internal static class StepSets
{
    /// <summary>
    /// Those of least cost for the bytes they save, one a layer, until they are enough; of these none that is not needed. All, where
    /// all are not enough.
    /// </summary>
    /// <param name="cost">The error a step adds; negative where it takes some away.</param>
    /// <param name="bytes">To be saved.</param>
    public static IReadOnlyList<PrecisionMove> Cheapest(IEnumerable<PrecisionMove> moves, Func<PrecisionMove, double> cost, long bytes)
    {
        List<PrecisionMove> taken = [];
        foreach (PrecisionMove move in moves.OrderBy(m => cost(m) / Math.Max(1, m.Saved)))
        {
            if (taken.Sum(t => t.Saved) >= bytes)
                break;
            if (taken.All(t => t.Layer != move.Layer))
                taken.Add(move);
        }

        foreach (PrecisionMove move in taken.OrderByDescending(cost).ToArray())
        {
            if (cost(move) > 0 && taken.Sum(t => t.Saved) - move.Saved >= bytes)
                taken.Remove(move);
        }

        return taken;
    }

    /// <summary>The one of least cost that is enough by itself; null where none is.</summary>
    public static PrecisionMove? Single(IEnumerable<PrecisionMove> moves, Func<PrecisionMove, double> cost, long bytes) =>
        moves.Where(m => m.Saved >= bytes).MinBy(cost);
}
