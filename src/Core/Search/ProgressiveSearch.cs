using QuantCluster.Corrections;
using QuantCluster.Search.Configuration;

namespace QuantCluster.Search;

/// <summary>
/// Walks chains of several orders at once: what all of them ask for in a step is run together, so that every worker is
/// busy, and what one finds depends on no other.
/// </summary>
internal sealed class ProgressiveSearch(TrialBuilder builder, TimeEstimate time, ITrialRunner runner, TrialLedger ledger, SearchBudget budget, IProgress<SearchProgress>? progress)
{
    /// <summary>The part of the budget that chains may use; the rest judges and polishes.</summary>
    public const double Share = 0.7;

    /// <summary>Goes along the chains until they end or the budget does.</summary>
    /// <param name="points">Takes every accepted state.</param>
    /// <param name="judge">Judges what was added to them from a place on: the best so far may be asked for at any moment.</param>
    /// <returns>Whether all chains came to their ends.</returns>
    public async Task<bool> RunAsync(IReadOnlyList<ProgressiveChain> chains, List<SearchPoint> points, Func<int, Task> judge, CancellationToken cancellation)
    {
        while (chains.Any(c => !c.IsFinished))
        {
            ProgressiveChain[] active = [.. chains.Where(c => !c.IsFinished)];
            IReadOnlyList<SearchConfiguration>[] candidates = [.. active.Select(c => c.Propose())];
            Trial[][] trials = [.. candidates.Select(g => g.Select(builder.Build).ToArray())];
            if (budget.IsOver(Share) || !budget.Allows(ledger, ledger.CountNew(trials.SelectMany(t => t)) + active.Length, Share))
                return false;
            IReadOnlyList<double[]?[]> errors = await ledger.RaceAsync(trials, cancellation);
            for (int c = 0; c < active.Length; c++)
                active[c].Choose(candidates[c], errors[c]);

            CorrectionRequest?[] requests = [.. active.Select(c => c.Correction())];
            IReadOnlyList<IReadOnlyDictionary<string, CorrectedLayer>> corrected = await runner.CorrectAsync([.. requests.OfType<CorrectionRequest>()], cancellation);
            SearchConfiguration?[] after = new SearchConfiguration?[active.Length];
            for (int c = 0, next = 0; c < active.Length; c++)
                after[c] = requests[c] is null ? null : active[c].Propose(corrected[next++]);
            Trial[][] finals = [.. after.Select(a => a is null ? Array.Empty<Trial>() : [builder.Build(a)])];
            IReadOnlyList<double[]?[]> finalErrors = await ledger.RaceAsync(finals, cancellation);
            for (int c = 0; c < active.Length; c++)
                points.Add(Point(active[c], active[c].Accept(after[c], finalErrors[c].FirstOrDefault())));
            await judge(points.Count - active.Length);
            Report(active, points);
        }

        return true;
    }

    private SearchPoint Point(ProgressiveChain chain, double[] errors)
    {
        Trial trial = builder.Build(chain.State);
        return new SearchPoint(chain.Name, trial.Plan.Layers.Count, chain.State, trial, errors, time.Of(trial.Plan));
    }

    /// <summary>Tells of one chain a step, in turn.</summary>
    private void Report(ProgressiveChain[] active, List<SearchPoint> points)
    {
        int shown = active[0].Progress.Done % active.Length;
        (int done, int all) = active[shown].Progress;
        SearchPoint point = points[points.Count - active.Length + shown];
        progress?.Report(new SearchProgress(
            active[shown].Name, active[shown].Upcoming, done, all, point.SearchError.Mean, null, ledger.Count, budget.Used(ledger.Count)));
    }
}
