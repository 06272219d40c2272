using QuantCluster.Corrections;
using QuantCluster.Search.Configuration;

namespace QuantCluster.Search;

/// <summary>
/// Walks chains of several orders at once, step by step: a step of all of them is allowed by the budget or it is not. Within it
/// each prefix goes on by itself, and a step is judged while the next one is under way, so that no worker waits for
/// another's last item. What one chain finds depends on no other.
/// </summary>
internal sealed class ProgressiveSearch(TrialBuilder builder, TimeEstimate time, ITrialRunner runner, TrialLedger ledger, SearchBudget budget, IProgress<SearchProgress>? progress)
{
    /// <summary>The part of the budget that chains may use; the rest judges and polishes.</summary>
    public const double Share = 0.7;

    private Task _judged = Task.CompletedTask;

    /// <summary>Goes along the chains until they end or the budget does.</summary>
    /// <param name="points">Takes every accepted state.</param>
    /// <param name="judge">
    /// Judges what was added to them from a place on: the best so far may be asked for at any moment. Never called again before
    /// it is done, and the points stay as they are meanwhile.
    /// </param>
    /// <returns>Whether all chains came to their ends.</returns>
    public async Task<bool> RunAsync(IReadOnlyList<ProgressiveChain> chains, List<SearchPoint> points, Func<int, Task> judge, CancellationToken cancellation)
    {
        try
        {
            while (chains.Any(c => !c.IsFinished))
            {
                ProgressiveChain[] active = [.. chains.Where(c => !c.IsFinished)];
                if (!await StepAsync(active, cancellation))
                    break;
                SearchPoint[] reached = [.. active.Select(c => Point(c, c.End()))];
                await _judged;
                points.AddRange(reached);
                _judged = judge(points.Count - reached.Length);
                Report(active, reached);
            }
        }
        catch
        {
            await _judged.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }

        await _judged;
        return chains.All(c => c.IsFinished);
    }

    /// <summary>One step of every chain; false where the budget does not allow it.</summary>
    private async Task<bool> StepAsync(ProgressiveChain[] active, CancellationToken cancellation)
    {
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
        await Together.RunAsync(steps.Zip(candidates, ledger.Race(trials, cancellation)), (s, c) => GoOnAsync(s.First, s.Second, s.Third, c), cancellation);
        return true;
    }

    /// <summary>A prefix's step, once its candidates are measured.</summary>
    private async Task<SearchConfiguration> GoOnAsync(PrefixStep step, IReadOnlyList<SearchConfiguration> candidates, Task<double[]?[]> raced, CancellationToken cancellation)
    {
        step.Choose(candidates, await raced);
        SearchConfiguration? after = null;
        double[]? errors = null;
        if (step.Correction() is { } request)
        {
            after = step.Propose((await runner.CorrectAsync([request], cancellation))[0]);
            errors = (await ledger.RaceAsync([[step.TrialOf(after)]], cancellation))[0][0];
        }

        step.Accept(after, errors);
        return step.Result.State;
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
    private void Report(ProgressiveChain[] active, SearchPoint[] reached)
    {
        int shown = active[0].Progress.Done % active.Length;
        (int done, int all) = active[shown].Progress;
        progress?.Report(new SearchProgress(
            active[shown].Name, active[shown].Upcoming, done, all, reached[shown].SearchError.Mean, null, ledger.Count, budget.Used(ledger.Count)));
    }
}
