namespace QuantCluster.Search;

/// <summary>
/// Which samples choose and which judge: the one place that says so. Multiples of the golden ratio decide: data often
/// take turns with a short period, and every third sample could be of one kind.
/// </summary>
/// <param name="Search">Indices of the samples that choose: evidence of corrections, errors of candidates.</param>
/// <param name="Validation">Indices of the samples held back to judge what was chosen.</param>
public sealed record SampleSplit(int[] Search, int[] Validation)
{
    private const double GoldenRatio = 0.6180339887498949;

    /// <summary>Fewer samples than this cannot be shared out: all choose and all judge.</summary>
    private const int Fewest = 6;

    /// <summary>A third of the samples judges, the others choose; both spread over the whole set.</summary>
    /// <param name="count">Samples there are.</param>
    /// <param name="most">Samples in each part, at most.</param>
    public static SampleSplit Of(int count, int most)
    {
        int[] all = [.. Enumerable.Range(0, count)];
        return count < Fewest
            ? new SampleSplit(all, all)
            : new SampleSplit(Spread([.. all.Where(i => !IsHeldBack(i))], most), Spread([.. all.Where(IsHeldBack)], most));
    }

    /// <summary>Whether a sample is one of those that judge.</summary>
    public static bool IsHeldBack(int sample) => (sample + 1) * GoldenRatio % 1 < 1.0 / 3;

    /// <summary>At most <paramref name="most"/> of them, at even distances.</summary>
    public static int[] Spread(int[] indices, int most) =>
        indices.Length <= most ? indices : [.. Enumerable.Range(0, most).Select(i => indices[(int)((long)i * indices.Length / most)])];

    /// <summary>
    /// Some of <paramref name="count"/> indices: one of each of equal stretches, at places that shift by the golden ratio.
    /// </summary>
    public static int[] Scatter(int count, int most)
    {
        int[] chosen = new int[Math.Min(count, most)];
        for (int i = 0; i < chosen.Length; i++)
        {
            int first = (int)((long)i * count / chosen.Length), end = (int)((i + 1L) * count / chosen.Length);
            chosen[i] = first + (int)(i * GoldenRatio % 1 * (end - first));
        }

        return chosen;
    }
}
