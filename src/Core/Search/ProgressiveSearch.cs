using System.Collections.Concurrent;
using System.Threading.Channels;
using QuantCluster.Search.Configuration;

namespace QuantCluster.Search;

/// <summary>
/// Walks chains of several orders at once. A step of all of them is allowed by the budget or it is not; as many steps as are sure
/// to be allowed each chain takes by itself, and what it reached is judged meanwhile, so that no worker waits for another's last
/// item. What one chain finds depends on no other.
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
        Channel<TaskCompletionSource<Reached?>[]> rows = Channel.CreateUnbounded<TaskCompletionSource<Reached?>[]>();
        ConcurrentBag<Task> judging = [];
        Task taking = Task.Run(() => TakeAsync(rows.Reader, take), CancellationToken.None);
        try
        {
            await WalkAsync(chains, rows.Writer, Judge, cancellation);
        }
        finally
        {
            rows.Writer.Complete();
            await taking;
        }

        await Task.WhenAll(judging);
        return chains.All(c => c.IsFinished);

        Task<SearchPoint> Judge(SearchPoint point)
        {
            Task<SearchPoint> judged = judge(point, cancellation);
            judging.Add(judged);
            return judged;
        }
    }

    /// <param name="rows">Gets for each step what each of the chains reaches; null for one that does not.</param>
    private async Task WalkAsync(
        IReadOnlyList<ProgressiveChain> chains, ChannelWriter<TaskCompletionSource<Reached?>[]> rows, Func<SearchPoint, Task<SearchPoint>> judge, CancellationToken cancellation)
    {
        while (chains.Any(c => !c.IsFinished))
        {
            ProgressiveChain[] active = [.. chains.Where(c => !c.IsFinished)];
            int sure = SureSteps(active);
            TaskCompletionSource<Reached?>[][] ahead =
                [.. Enumerable.Range(0, Math.Max(1, sure)).Select(_ => active.Select(_ => new TaskCompletionSource<Reached?>(TaskCreationOptions.RunContinuationsAsynchronously)).ToArray())];
            foreach (TaskCompletionSource<Reached?>[] row in ahead)
                rows.TryWrite(row);
            try
            {
                if (sure > 0)
                {
                    await Together.RunAsync(Enumerable.Range(0, active.Length), (c, stop) => GoAheadAsync(active[c], [.. ahead.Select(row => row[c])], judge, stop), cancellation);
                    continue;
                }

                SearchPoint[] points = await StepAsync(active, isSure: false, cancellation);
                if (points.Length == 0)
                    return;
                for (int c = 0; c < points.Length; c++)
                    ahead[0][c].SetResult(Reached.By(active[c], points[c], judge(points[c])));
            }
            finally
            {
                foreach (TaskCompletionSource<Reached?> place in ahead.SelectMany(row => row))
                    place.TrySetResult(null);
            }
        }
    }

    /// <summary>Steps of one chain that are sure to be allowed, as long as there is time.</summary>
    /// <returns>Whether it took them all.</returns>
    private async Task<bool> GoAheadAsync(ProgressiveChain chain, TaskCompletionSource<Reached?>[] steps, Func<SearchPoint, Task<SearchPoint>> judge, CancellationToken cancellation)
    {
        foreach (TaskCompletionSource<Reached?> step in steps)
        {
            if (chain.IsFinished || budget.IsOver(Share))
                return false;
            SearchPoint point = (await StepAsync([chain], isSure: true, cancellation))[0];
            step.SetResult(Reached.By(chain, point, judge(point)));
        }

        return true;
    }

    /// <summary>Steps that the budget allows all of these for certain, however many candidates they have.</summary>
    private int SureSteps(ProgressiveChain[] active)
    {
        int most = active.Max(c => c.Progress.All - c.Progress.Done);
        return budget.IsOver(Share) ? 0 : (int)Math.Clamp((budget.Trials(Share) - ledger.Count) / active.Sum(c => c.MostTrialsOfStep), 0, most);
    }

    /// <summary>One step of chains; nothing where the budget does not allow it.</summary>
    /// <param name="isSure">Whether it is known that the budget does.</param>
    private async Task<SearchPoint[]> StepAsync(ProgressiveChain[] chains, bool isSure, CancellationToken cancellation)
    {
        Trial[][] extensions = [.. chains.Select(c => c.Extensions().Select(builder.Build).ToArray())];
        if (!isSure && !Allows(extensions, chains.Length))
            return [];

        // Each for itself: the second best prefix goes on even where the best is far better.
        Queue<double[]?[]> extended = new(await ledger.RaceAsync([.. extensions.SelectMany(t => t).Select(t => new[] { t })], cancellation));
        IReadOnlyList<PrefixStep>[] steps = [.. chains.Zip(extensions).Select(c => c.First.Begin([.. c.Second.Select(_ => extended.Dequeue()[0]!)]))];

        PrefixStep[] all = [.. steps.SelectMany(s => s)];
        IReadOnlyList<SearchConfiguration>[] candidates = [.. all.Select(s => s.Propose())];
        Trial[][] trials = [.. all.Zip(candidates, (step, group) => group.Select(step.TrialOf).ToArray())];
        if (!isSure && !Allows(trials, all.Length))
            return [];
        Dictionary<PrefixStep, Race> races = all.Zip(candidates, ledger.Race(trials, cancellation)).ToDictionary(s => s.First, s => new Race(s.Second, s.Third));
        await Together.RunAsync(all, (step, stop) => GoOnAsync(step, races[step], stop), cancellation);
        return [.. chains.Select(c => Point(c, c.End()))];
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

    /// <summary>Takes step after step, and tells of one chain each, in turn.</summary>
    private async Task TakeAsync(ChannelReader<TaskCompletionSource<Reached?>[]> rows, Action<IReadOnlyList<SearchPoint>> take)
    {
        await foreach (TaskCompletionSource<Reached?>[] row in rows.ReadAllAsync(CancellationToken.None))
        {
            Reached[] reached = [.. (await Task.WhenAll(row.Select(place => place.Task))).OfType<Reached>()];
            if (reached.Length == 0)
                continue;
            await ((Task)Task.WhenAll(reached.Select(r => r.Judged))).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            take([.. reached.Select(r => r.Judged.IsCompletedSuccessfully ? r.Judged.Result : r.Point)]);
            Reached shown = reached[reached[0].Progress.Done % reached.Length];
            progress?.Report(new SearchProgress(
                shown.Point.Origin, shown.Upcoming, shown.Progress.Done, shown.Progress.All, shown.Point.SearchError.Mean, null, ledger.Count, budget.Used(ledger.Count)));
        }
    }

    /// <summary>Candidates, and their errors once they are measured.</summary>
    private sealed record Race(IReadOnlyList<SearchConfiguration> Candidates, Task<double[]?[]> Errors);

    /// <summary>What a chain accepted, the same once it is judged, and how far the chain was then.</summary>
    private sealed record Reached(SearchPoint Point, Task<SearchPoint> Judged, (int Done, int All) Progress, string Upcoming)
    {
        public static Reached By(ProgressiveChain chain, SearchPoint point, Task<SearchPoint> judged) => new(point, judged, chain.Progress, chain.Upcoming);
    }
}
