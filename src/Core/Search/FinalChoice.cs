namespace QuantCluster.Search;

/// <summary>Which of the candidates is best on samples that chose none of them.</summary>
internal static class FinalChoice
{
    /// <summary>Candidates this many standard errors behind the best, or less, are as good as it.</summary>
    private const double Tie = 2;

    /// <summary>
    /// Of those that are not worse than the best by more than chance, the one of least error over search and validation
    /// samples together; but where that is no significant gain over <paramref name="start"/>, the start itself. Significant
    /// on the validation samples by <paramref name="standardErrors"/>; or better there, and on all samples by two.
    /// </summary>
    /// <param name="start">With validation errors.</param>
    /// <param name="candidates">Those without validation errors, or that cost more time than <paramref name="most"/>, are left out.</param>
    /// <param name="most">Microseconds by estimate.</param>
    public static SearchPoint Of(SearchPoint start, IEnumerable<SearchPoint> candidates, double most, double standardErrors)
    {
        SearchPoint chosen = Of([start, .. candidates], most);
        PairedGain gain = Gain(start, chosen);
        PairedGain all = PairedGain.Of([.. start.SearchErrors, .. start.ValidationErrors!], [.. chosen.SearchErrors, .. chosen.ValidationErrors!]);
        return gain.IsSignificant(standardErrors) || (gain.Mean > 0 && all.IsSignificant(Tie)) ? chosen : start;
    }

    /// <summary>Of those that are not worse than the best by more than chance, the one of least error over search and validation samples together.</summary>
    /// <param name="candidates">One at least with validation errors, and fast enough.</param>
    /// <param name="most">Microseconds by estimate.</param>
    public static SearchPoint Of(IEnumerable<SearchPoint> candidates, double most)
    {
        SearchPoint[] open = [.. candidates.Where(c => c.ValidationErrors is not null && c.Time <= most)];
        SearchPoint best = open.MinBy(c => c.ValidationErrors!.Average())!;
        return open.Where(c => !Gain(c, best).IsSignificant(Tie)).MinBy(c => c.SearchErrors.Concat(c.ValidationErrors!).Average())!;
    }

    /// <summary>What the second is better than the first on the validation samples.</summary>
    public static PairedGain Gain(SearchPoint before, SearchPoint after) => PairedGain.Of([.. before.ValidationErrors!], [.. after.ValidationErrors!]);
}
