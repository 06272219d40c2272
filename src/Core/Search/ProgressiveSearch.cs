using System.Collections.Concurrent;
using QuantCluster.Search.Configuration;

namespace QuantCluster.Search;

/// <summary>
/// Walks chains of several orders at once, step by step: a step of all of them is allowed by the budget or it is not. Within it
/// each prefix goes on by itself, and what a step gave is judged while the next one is under way, so that no worker waits for
/// another's last item. What one chain finds depends on no other.
/// </summary>
internal sealed class ProgressiveSearch(TrialBuilder builder, TimeEstimate time, ITrialRunner runner, TrialLedger ledger, SearchBudget budget, IProgress<SearchProgress>? progress)
{
    /// <summary>The part of the budget that chains may use; the rest judges and polishes.</summary>
    public const double Share = 0.7;

    /// <summary>Goes along the chains until they end or the budget does.</summary>
    /// <param name="judge">Gives an accepted state its validation errors; called for several at once.</param>
    /// <param name="take">
    /// Takes what the chains reached in a step, in their order, and a step after the other: the best so far may be asked for at any
    /// moment. Judged, but for what was stopped meanwhile.
    /// </param>
    /// <returns>Whether all chains came to their ends.</returns>
    public async Task<bool> RunAsync(
        IReadOnlyList<ProgressiveChain> chains, Func<SearchPoint, CancellationToken, Task<SearchPoint>> judge, Action<IReadOnlyList<SearchPoint>> take, CancellationToken cancellation)
    {
        Reached[] last = [];
        ConcurrentBag<Task> judging = [];
        try
        {
            while (chains.Any(c => !c.IsFinished))
            {
                ProgressiveChain[] active = [.. chains.Where(c => !c.IsFinished)];
                Reached[] reached = await StepAsync(active, Judge, cancellation);
                if (reached.Length == 0)
                    break;
                take(await Task.WhenAll(last.Select(r => r.Judged)));
                last = reached;
                Report(active, reached);
            }

            await Task.WhenAll(last.Select(r => r.Judged));
        }
        finally
        {
            await Task.WhenAll(judging).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            take([.. last.Select(r => r.Judged.IsCompletedSuccessfully ? r.Judged.Result : r.Point)]);
        }

        return chains.All(c => c.IsFinished);

        Task<SearchPoint> Judge(SearchPoint point)
        {
            Task<SearchPoint> judged = judge(point, cancellation);
            judging.Add(judged);
            return judged;
        }
    }

    /// <summary>One step of every chain; nothing where the budget does not allow it.</summary>
    private async Task<Reached[]> StepAsync(ProgressiveChain[] active, Func<SearchPoint, Task<SearchPoint>> judge, CancellationToken cancellation)
    {
        Trial[][] extensions = [.. active.Select(c => c.Extensions().Select(builder.Build).ToArray())];
        if (!Allows(extensions, active.Length))
            return [];

        // Each for itself: the second best prefix goes on even where the best is far better.
        Queue<double[]?[]> extended = new(await ledger.RaceAsync([.. extensions.SelectMany(t => t).Select(t => new[] { t })], cancellation));
        IReadOnlyList<PrefixStep>[] steps = [.. active.Zip(extensions).Select(c => c.First.Begin([.. c.Second.Select(_ => extended.Dequeue()[0]!)]))];

        PrefixStep[] all = [.. steps.SelectMany(s => s)];
        IReadOnlyList<SearchConfiguration>[] candidates = [.. all.Select(s => s.Propose())];
        Trial[][] trials = [.. all.Zip(candidates, (step, group) => group.Select(step.TrialOf).ToArray())];
        if (!Allows(trials, all.Length))
            return [];
        Dictionary<PrefixStep, Race> races = all.Zip(candidates, ledger.Race(trials, cancellation)).ToDictionary(s => s.First, s => new Race(s.Second, s.Third));
        return await Together.RunAsync(active.Zip(steps), async (chain, stop) =>
        {
            await Together.RunAsync(chain.Second, (step, c) => GoOnAsync(step, races[step], c), stop);
            SearchPoint point = Point(chain.First, chain.First.End());
            return new Reached(point, judge(point));
        }, cancellation);
    }

    /// <summary>A prefix's step, once its candidates are measured.</summary>
    private async Task<SearchConfiguration> GoOnAsync(PrefixStep step, Race race, CancellationToken cancellation)
    {
        step.Choose(race.Candidates, await race.Errors);
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
    private void Report(ProgressiveChain[] active, Reached[] reached)
    {
        int shown = active[0].Progress.Done % active.Length;
        (int done, int all) = active[shown].Progress;
        progress?.Report(new SearchProgress(
            active[shown].Name, active[shown].Upcoming, done, all, reached[shown].Point.SearchError.Mean, null, ledger.Count, budget.Used(ledger.Count)));
    }

    /// <summary>Candidates, and their errors once they are measured.</summary>
    private sealed record Race(IReadOnlyList<SearchConfiguration> Candidates, Task<double[]?[]> Errors);

    /// <summary>What a chain accepted, and the same once it is judged.</summary>
    private sealed record Reached(SearchPoint Point, Task<SearchPoint> Judged);
}
