using QuantCluster.Corrections;
using QuantCluster.Emission;
using QuantCluster.Numerics;
using QuantCluster.Planning;
using QuantCluster.Search.Configuration;
using QuantCluster.Search.Orders;

namespace QuantCluster.Search;

/// <summary>
/// The search: from the start that <c>--effort fast</c> gives, through orders walked layer by layer, to a winner that
/// samples chose which had no part in finding it. It asks a runner for all that costs time, and depends on nothing else.
/// </summary>
internal sealed class LayerSearch
{
    /// <summary>Sets of layers tried as float in the start: those whose "only this" error is largest.</summary>
    private const int MostRelieved = 12;

    /// <summary>States of chains that are corrected anew, whole and in graph order.</summary>
    private const int Finalists = 4;

    private readonly TrialBuilder _builder;
    private readonly TimeEstimate _time;
    private readonly ITrialRunner _runner;
    private readonly TrialLedger _ledger;
    private readonly SearchSettings _settings;
    private readonly SearchBudget _budget;
    private readonly IProgress<SearchProgress>? _progress;
    private readonly List<SearchPoint> _points = [];
    private SearchPoint _start = null!, _best = null!;
    private double _mostTime;

    public LayerSearch(
        TrialBuilder builder, ITrialRunner runner, TrialLedger ledger, SearchSettings settings, SearchBudget budget, IProgress<SearchProgress>? progress)
    {
        _builder = builder;
        _time = new TimeEstimate(builder.Prepared, builder.Shapes, builder.Plan);
        _runner = runner;
        _ledger = ledger;
        _settings = settings;
        _budget = budget;
        _progress = progress;
    }

    /// <param name="start">The configuration of <c>--effort fast</c>, for the builder's plan.</param>
    /// <param name="cancellation">Ends the search without a result; the budget's own end gives the best so far.</param>
    public async Task<SearchResult> RunAsync(QuantizationConfiguration start, CancellationToken cancellation)
    {
        SearchConfiguration configuration = StartOf(start);
        Trial trial = _builder.Build(configuration);
        IReadOnlyList<double[]?[]> errors = await _ledger.RaceAsync([[trial]], cancellation);
        _start = new SearchPoint("start", trial.Plan.Layers.Count, configuration, trial, errors[0][0]!, _time.Of(trial.Plan))
        {
            ValidationErrors = (await _ledger.ValidateAsync([trial], cancellation))[0],
        };
        _best = _start;
        _mostTime = _start.Time * (1 + _settings.Slowdown);
        _points.Add(_start);
        bool complete = false;
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, _budget.Stop);
        try
        {
            complete = await ExploreAsync(either.Token);
        }
        catch (OperationCanceledException) when (_budget.Stop.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            // The best so far is what was asked for.
        }

        return new SearchResult(_best, _start, _points, Curves(), _ledger.Count, complete);
    }

    private async Task<bool> ExploreAsync(CancellationToken cancellation)
    {
        if (await SensitivityAsync(cancellation) is not { } sensitivity)
            return false;
        await RelieveAsync(sensitivity, cancellation);

        LayerOrderContext context = new(_builder.Plan.Layers, sensitivity, _time.Gains);
        ProgressiveSearch progressive = new(_builder, _time, _runner, _ledger, _budget, _progress);
        ProgressiveChain[] chains = [.. _settings.OrderNames.Select(name => Chain(LayerOrders.Get(name), context))];
        int first = _points.Count;
        bool complete = await progressive.RunAsync(chains, _points, cancellation);
        await JudgeAsync(first, cancellation);
        await FinishAsync([.. _points.Skip(first)], cancellation);
        return complete;
    }

    /// <summary>Each layer quantized alone, on the first block of search samples; null where the budget does not allow it.</summary>
    private async Task<IReadOnlyDictionary<string, double>?> SensitivityAsync(CancellationToken cancellation)
    {
        Layer[] layers = [.. _builder.Plan.Layers];
        Trial[] trials = [.. layers.Select(l => _builder.Build(SearchConfiguration.AllFloat.With(l.Id, LayerChoice.Int8)))];
        if (!_budget.Allows(_ledger, _ledger.CountNew(trials), ProgressiveSearch.Share))
            return null;
        Dictionary<string, double> sensitivity = [];
        IReadOnlyList<double[]> errors = await _ledger.GlanceAsync(trials, cancellation);
        for (int i = 0; i < layers.Length; i++)
            sensitivity[layers[i].Id] = errors[i].Average();
        Report("sensitivity", layers.Length, layers.Length);
        return sensitivity;
    }

    /// <summary>
    /// The start with its costliest layers float, one more each time, each corrected anew: errors cancel, so the second
    /// may have to go for the first to be worth it, and no single step shows it.
    /// </summary>
    private async Task RelieveAsync(IReadOnlyDictionary<string, double> sensitivity, CancellationToken cancellation)
    {
        int first = _points.Count;
        List<SearchConfiguration> relieved = [];
        SearchConfiguration state = _start.Configuration;
        foreach (Layer layer in _builder.Plan.Layers.OrderByDescending(l => sensitivity[l.Id]).Take(Math.Min(MostRelieved, _builder.Plan.Layers.Count - 1)))
        {
            state = state.With(layer.Id, LayerChoice.Float);
            if (_time.Of(_builder.PlanOf(state)) <= _mostTime)
                relieved.Add(state);
        }

        await CorrectAnewAsync("relief", relieved, cancellation);
        await JudgeAsync(first, cancellation);
    }

    /// <summary>The best of the chains' states, their corrections done again, now that everything in front of each layer is decided.</summary>
    private async Task FinishAsync(IReadOnlyList<SearchPoint> walked, CancellationToken cancellation)
    {
        int first = _points.Count;
        SearchConfiguration[] finalists =
        [
            .. walked.Where(p => p.ValidationErrors is not null).OrderBy(p => p.ValidationErrors!.Average()).Take(Finalists).Select(p => p.Configuration),
        ];
        await CorrectAnewAsync("finish", finalists, cancellation);
        await JudgeAsync(first, cancellation);
    }

    /// <summary>Each configuration with no correction but those of one pass in graph order: of biases, and of integers and biases.</summary>
    private async Task CorrectAnewAsync(string origin, IReadOnlyList<SearchConfiguration> configurations, CancellationToken cancellation)
    {
        LayerCorrection[] kinds = [.. new[] { _settings.Corrections & LayerCorrection.Bias, _settings.Corrections }.Where(c => c != LayerCorrection.None).Distinct()];
        (SearchConfiguration Bare, LayerCorrection Corrections)[] wanted =
            [.. configurations.Select(c => c.WithoutCorrections()).DistinctBy(c => c.Hash).SelectMany(c => kinds.Select(k => (c, k)))];
        if (wanted.Length == 0 || _budget.IsOver(1) || !_budget.Allows(_ledger, wanted.Length, 1))
            return;
        CorrectionRequest[] requests =
        [
            .. wanted.Select(w => _builder.Build(w.Bare)).Zip(wanted, (trial, w) => new CorrectionRequest(trial, [.. trial.Plan.Layers.Select(l => l.Id)], w.Corrections)),
        ];
        IReadOnlyList<IReadOnlyDictionary<string, CorrectedLayer>> corrected = await _runner.CorrectAsync(requests, cancellation);
        SearchConfiguration[] after = [.. wanted.Zip(corrected, (w, layers) => layers.Aggregate(
            w.Bare, (c, l) => c.With(l.Key, new LayerChoice(LayerPrecision.Int8, w.Corrections, l.Value))))];
        Trial[] trials = [.. after.Select(_builder.Build)];
        IReadOnlyList<double[]?[]> errors = await _ledger.RaceAsync([.. trials.Select(t => new[] { t })], cancellation);
        for (int i = 0; i < trials.Length; i++)
            _points.Add(new SearchPoint(origin, trials[i].Plan.Layers.Count, after[i], trials[i], errors[i][0]!, _time.Of(trials[i].Plan)));
        Report(origin, trials.Length, trials.Length);
    }

    /// <summary>Validates the points from <paramref name="first"/> on that are fast enough, and notes the best of all.</summary>
    private async Task JudgeAsync(int first, CancellationToken cancellation)
    {
        int[] open = [.. Enumerable.Range(first, _points.Count - first).Where(i => _points[i].Time <= _mostTime)];
        IReadOnlyList<double[]> errors = await _ledger.ValidateAsync([.. open.Select(i => _points[i].Trial)], cancellation);
        for (int i = 0; i < open.Length; i++)
            _points[open[i]] = _points[open[i]] with { ValidationErrors = errors[i] };
        _best = FinalChoice.Of(_start, _points.Skip(1), _mostTime, _settings.StandardErrors);
    }

    private ProgressiveChain Chain(ILayerOrder order, LayerOrderContext context)
    {
        IReadOnlyList<string> arranged = order.Arrange(context);
        int size = (arranged.Count + _settings.Steps - 1) / _settings.Steps;
        return new ProgressiveChain(order.Name, _builder, [.. arranged.Chunk(size)], _settings);
    }

    private SearchConfiguration StartOf(QuantizationConfiguration start)
    {
        SearchConfiguration configuration = SearchConfiguration.AllFloat;
        foreach (Layer layer in _builder.Plan.Layers)
            configuration = configuration.With(layer.Id, LayerChoice.Int8);
        QuantizationConfiguration bare = _builder.Build(configuration).Configuration;
        foreach (Layer layer in _builder.Plan.Layers)
        {
            QuantizedWeight weight = start.Weights[layer.Id];
            bool rounded = !weight.Values.AsSpan().SequenceEqual(bare.Weights[layer.Id].Values);
            if (!rounded && weight.Scales.AsSpan().SequenceEqual(bare.Weights[layer.Id].Scales) && !start.Biases.ContainsKey(layer.Id))
                continue;
            LayerCorrection corrections = (rounded ? LayerCorrection.Rounding : LayerCorrection.None)
                | (start.Biases.ContainsKey(layer.Id) ? LayerCorrection.Bias : LayerCorrection.None);
            configuration = configuration.With(layer.Id, new LayerChoice(
                LayerPrecision.Int8, corrections, new CorrectedLayer(weight, start.Biases.GetValueOrDefault(layer.Id))));
        }

        return configuration;
    }

    private IReadOnlyList<SearchCurve> Curves() =>
    [
        .. _settings.OrderNames.Select(name => new SearchCurve(
            name, [.. _points.Where(p => p.Origin == name).Select(p => new CurveStep(p.Quantized, p.SearchError.Mean, p.SearchError.StandardError))])),
    ];

    private void Report(string phase, int step, int steps) =>
        _progress?.Report(new SearchProgress(phase, "", step, steps, null, _best.ValidationError?.Mean, _ledger.Count));
}
