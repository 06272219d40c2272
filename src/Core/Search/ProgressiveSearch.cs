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
            Trial[][] extensions = [.. active.Select(c => c.Extensions().Select(builder.Build).ToArray())];
            if (!Allows(extensions, active.Length))
                return false;
            // Each for itself: the second best prefix goes on even where the best is far better.
            Queue<double[]?[]> extended = new(await ledger.RaceAsync([.. extensions.SelectMany(t => t).Select(t => new[] { t })], cancellation));
            PrefixStep[] steps = [.. active.Zip(extensions).SelectMany(c => c.First.Begin([.. c.Second.Select(_ => extended.Dequeue()[0]!)]))];

            IReadOnlyList<SearchConfiguration>[] candidates = [.. steps.Select(s => s.Propose())];
            Trial[][] trials = [.. steps.Zip(candidates, (step, group) => group.Select(step.TrialOf).ToArray())];
            if (!Allows(trials, steps.Length))
                return false;
            IReadOnlyList<double[]?[]> errors = await ledger.RaceAsync(trials, cancellation);
            for (int s = 0; s < steps.Length; s++)
                steps[s].Choose(candidates[s], errors[s]);

            CorrectionRequest?[] requests = [.. steps.Select(s => s.Correction())];
            IReadOnlyList<IReadOnlyDictionary<string, CorrectedLayer>> corrected = await runner.CorrectAsync([.. requests.OfType<CorrectionRequest>()], cancellation);
            SearchConfiguration?[] after = new SearchConfiguration?[steps.Length];
            for (int s = 0, next = 0; s < steps.Length; s++)
                after[s] = requests[s] is null ? null : steps[s].Propose(corrected[next++]);
            Trial[][] finals = [.. steps.Zip(after, (step, a) => a is null ? Array.Empty<Trial>() : [step.TrialOf(a)])];
            IReadOnlyList<double[]?[]> finalErrors = await ledger.RaceAsync(finals, cancellation);
            for (int s = 0; s < steps.Length; s++)
                steps[s].Accept(after[s], finalErrors[s].FirstOrDefault());
            foreach (ProgressiveChain chain in active)
            {
                double[] reached = chain.End();
                points.Add(Point(chain, reached));
            }

            await judge(points.Count - active.Length);
            Report(active, points);
        }

        return true;
    }

    /// <summary>Whether the budget has room for these, and for one trial more of each that goes on.</summary>
    private bool Allows(Trial[][] trials, int more) =>
        !budget.IsOver(Share) && budget.Allows(ledger, ledger.CountNew(trials.SelectMany(t => t)) + more, Share);

    private SearchPoint Point(ProgressiveChain chain, double[] errors)
    {
        Trial trial = builder.Build(chain.State);
        return new SearchPoint(chain.Name, chain.State, trial, errors, time.Of(trial.Plan));
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
