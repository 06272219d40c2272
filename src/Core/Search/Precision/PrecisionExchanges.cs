using QuantCluster.Corrections;
using QuantCluster.Search.Configuration;

namespace QuantCluster.Search.Precision;

/// <summary>
/// Moves of precision within a limit of size: a layer gets its bits or its scales back, and where that is too large, others give up
/// theirs for it.
/// </summary>
/// <param name="costOf">The error that a step is believed to add.</param>
internal sealed class PrecisionExchanges(
    TrialBuilder builder, SizeLimit limit, ITrialRunner runner, SearchSettings settings, Func<PrecisionMove, double> costOf)
{
    /// <summary>Single layers that are tried as the other side of an exchange.</summary>
    private const int Partners = 2;

    /// <summary>What may become of a layer: each with nearest integers where it changed, and corrected.</summary>
    public async Task<IReadOnlyList<SearchConfiguration>> OfAsync(SearchConfiguration now, string layer, CancellationToken cancellation)
    {
        List<(SearchConfiguration After, string[] Changed)> moves = [];
        foreach (PrecisionMove up in limit.Moves.Up(now, layer))
        {
            long excess = limit.Excess(builder.Build(up.After));
            IEnumerable<IReadOnlyList<PrecisionMove>> others = excess <= 0 ? [[]] : Others(up, excess);
            moves.AddRange(others.Select(o => (
                o.Aggregate(up.After, (c, m) => c.With(m.Layer, m.Choice)),
                o.Append(up).Where(m => m.Choice.IsInteger).Select(m => m.Layer).ToArray())));
        }

        moves.RemoveAll(m => !limit.Permits(builder.Build(m.After)));
        List<SearchConfiguration> found = [.. moves.Select(m => m.After)];
        if (settings.Corrections == LayerCorrection.None)
            return found;
        (SearchConfiguration After, string[] Changed)[] integer = [.. moves.Where(m => m.Changed.Length > 0)];
        IReadOnlyList<IReadOnlyDictionary<string, CorrectedLayer>> corrected = await runner.CorrectAsync(
            [.. integer.Select(m => new CorrectionRequest(builder.Build(m.After), m.Changed, settings.Corrections))], cancellation);
        found.AddRange(integer.Zip(corrected, (m, layers) => m.After.WithCorrections(settings.Corrections, layers)));
        return found;
    }

    /// <summary>Steps down of other layers that make up for a step up: single ones, and the set of least cost for its bytes.</summary>
    private IEnumerable<IReadOnlyList<PrecisionMove>> Others(PrecisionMove up, long excess)
    {
        PrecisionMove[] downs = [.. limit.Moves.Down(up.After, 1).Where(m => m.Layer != up.Layer)];
        foreach (PrecisionMove single in downs.Where(m => m.Saved >= excess).OrderBy(costOf).Take(Partners))
            yield return [single];
        IReadOnlyList<PrecisionMove> set = StepSets.Cheapest(downs, costOf, excess);
        if (set.Count > 1)
            yield return set;
    }
}
