using QuantCluster.Search.Objectives;

namespace QuantCluster.Search;

/// <summary>
/// Measures trials, each once, and counts them. Candidates that compete go in groups: after the first block of samples
/// those without hope are dropped.
/// </summary>
internal sealed class TrialLedger(ITrialRunner runner, IObjective objective, SampleSplit split, int blockSize)
{
    /// <summary>A candidate is dropped when the best of its group is better by this many standard errors on the first block.</summary>
    private const double Hopeless = 2;

    private readonly Dictionary<string, double[]> _search = [], _validation = [];
    private readonly Dictionary<string, SampleError[][]> _first = [];

    public SampleSplit Split => split;

    /// <summary>Distinct trials that were run.</summary>
    public int Count => _first.Count;

    /// <summary>How many of these would be new.</summary>
    public int CountNew(IEnumerable<Trial> trials) => trials.Select(t => t.Key).Distinct().Count(k => !_first.ContainsKey(k));

    /// <summary>Errors on the search samples, group by group; null for a candidate that was dropped.</summary>
    public async Task<IReadOnlyList<double[]?[]>> RaceAsync(IReadOnlyList<IReadOnlyList<Trial>> groups, CancellationToken cancellation)
    {
        await BeginAsync(groups.SelectMany(g => g), cancellation);
        IReadOnlyList<Trial>[] left = [.. groups.Select(Survivors)];
        Trial[] open = [.. left.SelectMany(g => g).DistinctBy(t => t.Key).Where(t => !_search.ContainsKey(t.Key))];
        if (open.Length > 0)
        {
            IReadOnlyDictionary<string, SampleError[][]> rest = FirstBlock == split.Search.Length
                ? open.ToDictionary(t => t.Key, _ => Array.Empty<SampleError[]>())
                : await runner.MeasureAsync(open, split.Search, FirstBlock..split.Search.Length, cancellation);
            foreach (Trial trial in open)
                _search[trial.Key] = objective.Errors([.. _first[trial.Key], .. rest[trial.Key]]);
        }

        return [.. groups.Select(g => g.Select(t => _search.GetValueOrDefault(t.Key)).ToArray())];
    }

    /// <summary>Errors on the first block of search samples alone.</summary>
    public async Task<IReadOnlyList<double[]>> GlanceAsync(IReadOnlyList<Trial> trials, CancellationToken cancellation)
    {
        await BeginAsync(trials, cancellation);
        return [.. trials.Select(t => objective.Errors(_first[t.Key]))];
    }

    /// <summary>Errors on the validation samples.</summary>
    public async Task<IReadOnlyList<double[]>> ValidateAsync(IReadOnlyList<Trial> trials, CancellationToken cancellation)
    {
        Trial[] open = [.. trials.DistinctBy(t => t.Key).Where(t => !_validation.ContainsKey(t.Key))];
        if (open.Length > 0)
        {
            foreach ((string key, SampleError[][] errors) in await runner.MeasureAsync(open, split.Validation, ..split.Validation.Length, cancellation))
                _validation[key] = objective.Errors(errors);
        }

        return [.. trials.Select(t => _validation[t.Key])];
    }

    private int FirstBlock => Math.Min(blockSize, split.Search.Length);

    private async Task BeginAsync(IEnumerable<Trial> trials, CancellationToken cancellation)
    {
        Trial[] unseen = [.. trials.DistinctBy(t => t.Key).Where(t => !_first.ContainsKey(t.Key))];
        if (unseen.Length == 0)
            return;
        foreach ((string key, SampleError[][] errors) in await runner.MeasureAsync(unseen, split.Search, ..FirstBlock, cancellation))
            _first[key] = errors;
    }

    private IReadOnlyList<Trial> Survivors(IReadOnlyList<Trial> group)
    {
        if (group.Count == 1)
            return group;
        double[][] errors = [.. group.Select(t => objective.Errors(_first[t.Key]))];
        double[] best = errors.MinBy(e => e.Average())!;
        return [.. group.Where((_, i) => !PairedGain.Of(errors[i], best).IsSignificant(Hopeless))];
    }
}
