namespace QuantCluster.Search;

/// <summary>How many layers a chain quantizes at a time.</summary>
internal static class ChainSteps
{
    /// <summary>
    /// Cuts an order into steps: one layer each where that many are allowed, else more at a time in the beginning. The
    /// last steps keep one layer: their prefixes are the models with few layers left float.
    /// </summary>
    /// <param name="most">Steps at most, at least 1.</param>
    public static IReadOnlyList<string[]> Cut(IReadOnlyList<string> order, int most)
    {
        if (order.Count <= most)
            return [.. order.Select(l => new[] { l })];
        int single = most / 2, early = order.Count - single, gulps = Math.Max(1, most - single);
        List<string[]> steps = [];
        for (int i = 0; i < gulps; i++)
            steps.Add([.. order.Skip((int)((long)i * early / gulps)).Take((int)((i + 1L) * early / gulps) - (int)((long)i * early / gulps))]);
        steps.AddRange(order.Skip(early).Select(l => new[] { l }));
        return steps;
    }
}
