using System.Collections.Concurrent;
using QuantCluster.Search.Objectives;

namespace QuantCluster.Search;

/// <summary>
/// Measures trials, each once, and counts them. Candidates that compete go in groups: after the first block of samples
/// those without hope are dropped. Thread-safe.
/// </summary>
internal sealed class TrialLedger(ITrialRunner runner, IObjective objective, SampleSplit split, int blockSize)
{
    /// <summary>A candidate is dropped when the best of its group is better by this many standard errors on the first block.</summary>
    private const double Hopeless = 2;

    private readonly OncePerTrial<SampleError[][]> _first = new(), _rest = new();
    private readonly OncePerTrial<double[]> _validation = new();
    private readonly ConcurrentDictionary<string, double[]> _search = new();

    public SampleSplit Split => split;

    /// <summary>Distinct trials that were run.</summary>
    public int Count => _first.Count;

    /// <summary>How many of these would be new.</summary>
    public int CountNew(IEnumerable<Trial> trials) => trials.DistinctBy(t => t.Key).Count(t => !_first.Has(t));

    /// <summary>Errors on the search samples, group by group; null for a candidate that was dropped.</summary>
    public async Task<IReadOnlyList<double[]?[]>> RaceAsync(IReadOnlyList<IReadOnlyList<Trial>> groups, CancellationToken cancellation) =>
        await Task.WhenAll(Race(groups, cancellation));

    /// <summary>The same, each group as soon as its own candidates are measured. What comes of a group depends on no other.</summary>
    public IReadOnlyList<Task<double[]?[]>> Race(IReadOnlyList<IReadOnlyList<Trial>> groups, CancellationToken cancellation)
    {
        // Who has no one to compete with is not dropped.
        Task alone = WholeAsync([.. groups.Where(g => g.Count == 1).Select(g => g[0]).DistinctBy(t => t.Key)], cancellation);
        return [.. groups.Select(async group =>
        {
            if (group.Count == 1)
            {
                await alone;
                return [await SearchErrorsAsync(group[0])];
            }

            HashSet<string> left = await SurvivorsAsync(group, cancellation);
            await RestAsync([.. group.Where(t => left.Contains(t.Key))], cancellation);
            return await Task.WhenAll(group.Select(async t => left.Contains(t.Key) ? await SearchErrorsAsync(t) : null));
        })];
    }

    /// <summary>Errors on the first block of search samples alone.</summary>
    public async Task<IReadOnlyList<double[]>> GlanceAsync(IReadOnlyList<Trial> trials, CancellationToken cancellation) =>
        [.. (await FirstAsync(trials, cancellation)).Select(objective.Errors)];

    /// <summary>Errors on the validation samples: what is found does not depend on them, so they can wait.</summary>
    public async Task<IReadOnlyList<double[]>> ValidateAsync(IReadOnlyList<Trial> trials, CancellationToken cancellation)
    {
        Trial[] open = _validation.Claim(trials);
        Task<double[][]> all = _validation.OfAsync(trials);
        await Task.WhenAll(all, _validation.FillAsync(open, async () =>
            (await runner.MeasureAsync(open, split.Validation, ..split.Validation.Length, true, cancellation)).Select(e => KeyValuePair.Create(e.Key, objective.Errors(e.Value)))));
        return await all;
    }

    private int FirstBlock => Math.Min(blockSize, split.Search.Length);

    private async Task<SampleError[][][]> FirstAsync(IReadOnlyList<Trial> trials, CancellationToken cancellation)
    {
        Trial[] open = _first.Claim(trials);
        Task<SampleError[][][]> all = _first.OfAsync(trials);
        await Task.WhenAll(all, _first.FillAsync(open, async () => await runner.MeasureAsync(open, split.Search, ..FirstBlock, false, cancellation)));
        return await all;
    }

    /// <summary>The blocks after the first.</summary>
    private async Task RestAsync(IReadOnlyList<Trial> trials, CancellationToken cancellation)
    {
        Trial[] open = _rest.Claim(trials);
        Task all = _rest.OfAsync(trials);
        await Task.WhenAll(all, _rest.FillAsync(open, async () => FirstBlock == split.Search.Length
            ? open.ToDictionary(t => t.Key, _ => Array.Empty<SampleError[]>())
            : await runner.MeasureAsync(open, split.Search, FirstBlock..split.Search.Length, false, cancellation)));
    }

    /// <summary>All blocks of those nothing is known of at once; of others those after the first.</summary>
    private async Task WholeAsync(IReadOnlyList<Trial> trials, CancellationToken cancellation)
    {
        Trial[] open = _first.Claim(trials);
        _rest.Claim(open);
        Task known = Task.WhenAll(_first.OfAsync(trials), _rest.OfAsync(open));
        await Task.WhenAll(known, _first.FillAsync(open, MeasureAsync), RestAsync([.. trials.Except(open)], cancellation));

        async Task<IEnumerable<KeyValuePair<string, SampleError[][]>>> MeasureAsync()
        {
            IReadOnlyDictionary<string, SampleError[][]> whole = new Dictionary<string, SampleError[][]>();
            await _rest.FillAsync(open, async () =>
            {
                whole = await runner.MeasureAsync(open, split.Search, ..split.Search.Length, false, cancellation);
                return whole.Select(e => KeyValuePair.Create(e.Key, e.Value[FirstBlock..]));
            });
            return whole.Select(e => KeyValuePair.Create(e.Key, e.Value[..FirstBlock]));
        }
    }

    private async Task<double[]> SearchErrorsAsync(Trial trial)
    {
        SampleError[][] first = (await _first.OfAsync([trial]))[0], rest = (await _rest.OfAsync([trial]))[0];
        return _search.GetOrAdd(trial.Key, _ => objective.Errors([.. first, .. rest]));
    }

    private async Task<HashSet<string>> SurvivorsAsync(IReadOnlyList<Trial> group, CancellationToken cancellation)
    {
        double[][] errors = [.. (await FirstAsync(group, cancellation)).Select(objective.Errors)];
        double[] best = errors.MinBy(e => e.Average())!;
        return [.. group.Where((_, i) => !PairedGain.Of(errors[i], best).IsSignificant(Hopeless)).Select(t => t.Key)];
    }
}
