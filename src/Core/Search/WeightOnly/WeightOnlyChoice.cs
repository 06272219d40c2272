namespace QuantCluster.Search.WeightOnly;

/// <summary>
/// Which of the weights that could be stored as integers are: as many bytes as the error allows. Speed has no part in it:
/// the kernels are those of the float model.
/// </summary>
internal static class WeightOnlyChoice
{
    /// <summary>Error that storing may add to a model's own, as a share of it.</summary>
    private const double Growth = 0.1;

    /// <summary>A model with this share of the error of the one with every layer on integers has error to spare.</summary>
    private const double Spare = 0.25;

    /// <summary>The error that is allowed.</summary>
    /// <param name="error">The model's, before weights are stored.</param>
    /// <param name="onIntegers">That of the model with every layer on integers.</param>
    public static double Limit(double error, double onIntegers) => Math.Max(error * (1 + Growth), onIntegers * Spare);

    /// <summary>
    /// All, if the error allows it; else the longest list, those first that cost least error for their bytes, that
    /// bisection finds within the limit.
    /// </summary>
    /// <param name="weights">In graph order.</param>
    /// <param name="error">The model's error without any of them.</param>
    /// <param name="limit">The error that is allowed.</param>
    /// <param name="measureAsync">The model's error with each of some sets of them.</param>
    public static async Task<IReadOnlyList<StorableWeight>> ChooseAsync(
        IReadOnlyList<StorableWeight> weights, double error, double limit, Func<IReadOnlyList<IReadOnlyList<StorableWeight>>, Task<double[]>> measureAsync)
    {
        if (weights.Count == 0 || (await measureAsync([weights]))[0] <= limit)
            return weights;
        double[] alone = await measureAsync([.. weights.Select(w => new[] { w })]);
        int[] order = [.. Enumerable.Range(0, weights.Count).OrderBy(i => (alone[i] - error) / weights[i].Saved)];
        StorableWeight[] Prefix(int count)
        {
            HashSet<int> kept = [.. order.Take(count)];
            return [.. weights.Where((_, i) => kept.Contains(i))];
        }

        int good = 0, bad = weights.Count;
        while (bad - good > 1)
        {
            int middle = (good + bad) / 2;
            if ((await measureAsync([Prefix(middle)]))[0] <= limit)
                good = middle;
            else
                bad = middle;
        }

        return Prefix(good);
    }
}
