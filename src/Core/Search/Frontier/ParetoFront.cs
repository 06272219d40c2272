namespace QuantCluster.Search.Frontier;

/// <summary>Three things that should all be small.</summary>
/// <param name="Error">Error of the whole model (<see cref="WholeModelError"/>).</param>
/// <param name="Latency">Time of a run, in any unit.</param>
/// <param name="Size">Bytes.</param>
public readonly record struct Cost(double Error, double Latency, double Size)
{
    /// <summary>Whether this is nowhere worse than the other, and somewhere better.</summary>
    public bool Dominates(Cost other) =>
        Error <= other.Error && Latency <= other.Latency && Size <= other.Size && this != other;
}

/// <summary>The choices among which nothing is better in one thing without being worse in another.</summary>
public static class ParetoFront
{
    /// <summary>Those that no other dominates, in their order; of equal ones the first.</summary>
    public static IReadOnlyList<T> Of<T>(IReadOnlyList<T> all, Func<T, Cost> cost)
    {
        Cost[] costs = [.. all.Select(cost)];
        return [.. all.Where((_, i) => !costs.Where((c, j) => c.Dominates(costs[i]) || (j < i && c == costs[i])).Any())];
    }

    /// <summary>
    /// At most <paramref name="count"/> of them that lie far apart: first the fastest, the most accurate and the smallest, then always
    /// the one farthest from all that were taken, on logarithmic axes.
    /// </summary>
    public static IReadOnlyList<T> Spread<T>(IReadOnlyList<T> front, Func<T, Cost> cost, int count)
    {
        if (front.Count <= count)
            return front;
        double[][] places = Places([.. front.Select(cost)]);
        int[] order = [.. Enumerable.Range(0, front.Count)];
        List<int> taken = [order.MinBy(i => places[i][1])];
        foreach (int axis in (int[])[0, 2])
        {
            int least = order.MinBy(i => places[i][axis]);
            if (taken.Count < count && !taken.Contains(least))
                taken.Add(least);
        }

        while (taken.Count < count)
            taken.Add(order.Except(taken).MaxBy(i => taken.Min(t => Distance(places[i], places[t]))));
        return [.. taken.Order().Select(i => front[i])];
    }

    /// <summary>Logarithms, stretched so that each axis goes from 0 to 1; size counts half, as it mostly follows latency.</summary>
    private static double[][] Places(Cost[] costs)
    {
        double[][] places = [.. costs.Select(c => new[] { Log(c.Error), Log(c.Latency), Log(c.Size) })];
        for (int axis = 0; axis < 3; axis++)
        {
            double low = places.Min(p => p[axis]), range = places.Max(p => p[axis]) - low, weight = axis == 2 ? 0.5 : 1;
            foreach (double[] place in places)
                place[axis] = range > 0 ? (place[axis] - low) / range * weight : 0;
        }

        return places;
    }

    private static double Log(double value) => Math.Log(Math.Max(value, 1e-12));

    private static double Distance(double[] a, double[] b) => a.Zip(b, (x, y) => (x - y) * (x - y)).Sum();
}
