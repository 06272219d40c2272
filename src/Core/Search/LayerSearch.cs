using QuantCluster.Corrections;
using QuantCluster.Emission;
using QuantCluster.Planning;
using QuantCluster.Search.Configuration;
using QuantCluster.Search.Orders;
using QuantCluster.Search.Precision;

namespace QuantCluster.Search;

/// <summary>
/// The search: from the start that <c>--effort fast</c> gives, through orders walked layer by layer, to a winner that
/// samples chose which had no part in finding it. It asks a runner for all that costs time, and depends on nothing else.
/// </summary>
internal sealed class LayerSearch
{
    /// <summary>Trials a step of a chain takes, about; within a limit of size, where only the whole chain counts and precisions are tried too.</summary>
    private const int TrialsAStep = 6, TrialsAStepWithin = 8;

    /// <summary>A chain of fewer steps is not worth walking.</summary>
    private const int FewestSteps = 6;

    /// <summary>Of what a phase finds, so many are corrected anew, whole and in graph order.</summary>
    private const int Finalists = 4;

    private readonly TrialBuilder _builder;
    private readonly TimeEstimate _time;
    private Allowance _allowance;
    private readonly ITrialRunner _runner;
    private readonly TrialLedger _ledger;
    private SearchSettings _settings;
    private readonly SearchBudget _budget;
    private readonly IProgress<SearchProgress>? _progress;
    private readonly List<SearchPoint> _points = [];
    private readonly LayerCorrection _corrections;
    private IReadOnlyDictionary<(string Layer, LayerChoice Choice), double> _costs = new Dictionary<(string, LayerChoice), double>();

    // What layers change from: the fast start, or what it was made smaller to for a limit of size.
    private SearchPoint _start = null!, _base = null!, _best = null!;

    /// <param name="limit">Of the size of what is found; null for none.</param>
    public LayerSearch(
        TrialBuilder builder, ITrialRunner runner, TrialLedger ledger, SearchSettings settings, SearchBudget budget, IProgress<SearchProgress>? progress, SizeLimit? limit = null)
    {
        _builder = builder;
        _time = new TimeEstimate(builder.Prepared, builder.Shapes, builder.Plan);
        _allowance = new Allowance(_time, builder.Plan, settings, limit);
        _runner = runner;
        _ledger = ledger;
        _settings = settings;
        _corrections = settings.Corrections;
        _budget = budget;
        _progress = progress;
    }

    /// <param name="start">The configuration of <c>--effort fast</c>, for the builder's plan.</param>
    /// <param name="cancellation">Ends the search without a result; the budget's own end gives the best so far.</param>
    public async Task<SearchResult> RunAsync(QuantizationConfiguration start, CancellationToken cancellation)
    {
        SearchConfiguration configuration = FastStart.Of(_builder, start);
        Trial trial = _builder.Build(configuration);

        // Where the start is better without biases, layers are not given any on the way either; the end tries both.
        if (Given(configuration) == LayerCorrection.Rounding && _builder.Plan.Layers.Any(SequentialBiasCorrection.CanCorrect))
            _settings = _settings with { Corrections = _settings.Corrections & LayerCorrection.Rounding };
        IReadOnlyList<double[]?[]> errors = await _ledger.RaceAsync([[trial]], cancellation);
        _start = new SearchPoint(SearchPoint.StartOrigin, configuration, trial, errors[0][0]!, _time.Of(trial.Plan))
        {
            ValidationErrors = (await _ledger.ValidateAsync([trial], cancellation))[0],
        };
        _best = _base = _start;
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

        _progress?.Report(new SearchProgress(_best.Origin, "", 1, 1, _best.SearchError.Mean, _best.ValidationError?.Mean, _ledger.Count, 1) { IsOver = true });
        return new SearchResult(_best, _start, _points, Curves(), _ledger.Count, complete);
    }

    private async Task<bool> ExploreAsync(CancellationToken cancellation)
    {
        if (await SensitivityAsync(cancellation) is not { } sensitivity)
            return false;
        if (_allowance.Size is { } limit && !limit.Permits(_start.Trial))
            await ShrinkAsync(limit, cancellation);
        await RelieveAsync(sensitivity, cancellation);

        if (_settings.Seconds is not null)
            _budget.LimitTo(await _runner.RememberAsync("trials in time", TrialsInTime, cancellation));
        ProgressiveChain[] chains = [.. Chains(sensitivity)];
        int first = _points.Count;
        bool complete = await new ProgressiveSearch(_builder, _time, _runner, _ledger, _budget, _progress).RunAsync(chains, JudgeAsync, Take, cancellation);
        SearchPoint[] walked = [.. _points.Skip(first).Where(p => p.ValidationErrors is not null)];
        await CorrectAnewAsync("finish", [.. walked.OrderBy(p => p.ValidationErrors!.Average()).Take(Finalists).Select(p => p.Configuration)], cancellation);
        return await PolishAsync(sensitivity, cancellation) && complete && chains.Length == _settings.OrderNames.Count;
    }

    /// <summary>Each layer quantized alone, on the first block of search samples; null where the budget does not allow it.</summary>
    private async Task<IReadOnlyDictionary<string, double>?> SensitivityAsync(CancellationToken cancellation)
    {
        Layer[] layers = [.. _builder.Plan.Layers];
        Trial[] trials = [.. layers.Select(l => _builder.BuildOnly([l.Id]).About(l.Id))];
        if (!_budget.Allows(_ledger, _ledger.CountNew(trials), ProgressiveSearch.Share))
            return null;
        Dictionary<string, double> sensitivity = [];
        IReadOnlyList<double[]> errors = await _ledger.GlanceAsync(trials, cancellation);
        for (int i = 0; i < layers.Length; i++)
            sensitivity[layers[i].Id] = errors[i].Average();
        Report("sensitivity", layers.Length, layers.Length);
        return sensitivity;
    }

    /// <summary>From the start, which is too large, down to the limit of size; where that cannot be reached, the search goes on without it.</summary>
    private async Task ShrinkAsync(SizeLimit limit, CancellationToken cancellation)
    {
        SizeWalk walk = new(_builder, limit, _runner, _ledger, _settings, _budget);
        SearchConfiguration? reached = await walk.RunAsync(_start.Configuration, cancellation);
        if (reached is null)
        {
            _allowance = new Allowance(_time, _builder.Plan, _settings);
            return;
        }

        _costs = walk.Costs;
        Trial trial = _builder.Build(reached);
        double[] errors = (await _ledger.RaceAsync([[trial]], cancellation))[0][0]!;
        _base = new SearchPoint(SearchPoint.SizeOrigin, reached, trial, errors, _time.Of(trial.Plan))
        {
            ValidationErrors = (await _ledger.ValidateAsync([trial], cancellation))[0],
        };
        _points.Add(_base);
        _best = _base;
        Report(SearchPoint.SizeOrigin, 1, 1);
        await CorrectAnewAsync(SearchPoint.SizeOrigin, [reached], cancellation);
        _base = _best;
    }

    /// <summary>The start, or what took its place, with sets of layers back in float: judged as they are, and the best of them corrected anew.</summary>
    private async Task RelieveAsync(IReadOnlyDictionary<string, double> sensitivity, CancellationToken cancellation)
    {
        IReadOnlyList<SearchConfiguration> sets = Relief.Sets(_builder, _allowance, _base.Configuration, sensitivity);
        Trial[] trials = [.. sets.Select(_builder.Build)];
        if (sets.Count == 0 || !_budget.Allows(_ledger, _ledger.CountNew(trials) + (2 * Finalists), ProgressiveSearch.Share))
            return;
        int first = _points.Count;
        IReadOnlyList<double[]?[]> errors = await _ledger.RaceAsync([.. trials.Select(t => new[] { t })], cancellation);
        for (int i = 0; i < trials.Length; i++)
            _points.Add(new SearchPoint("relief", sets[i], trials[i], errors[i][0]!, _time.Of(trials[i].Plan)));
        await JudgeAsync(first, cancellation);
        await CorrectAnewAsync("relief", [.. _points.Skip(first).OrderBy(p => p.SearchErrors.Average()).Take(Finalists).Select(p => p.Configuration)], cancellation);
    }

    /// <summary>From the best so far, and once more from the start where the best is another: what polish finds there counts too.</summary>
    private async Task<bool> PolishAsync(IReadOnlyDictionary<string, double> sensitivity, CancellationToken cancellation)
    {
        int first = _points.Count;
        PrecisionExchanges? exchanges = _allowance.Size is null ? null : new PrecisionExchanges(
            _builder, _allowance.Size, _runner, _settings, m => _costs.TryGetValue((m.Layer, m.Choice), out double cost) ? cost : sensitivity.GetValueOrDefault(m.Layer));
        CoordinateDescent descent = new(_builder, _allowance, exchanges, _runner, _ledger, _settings, _budget, _progress);
        string[] layers = [.. _builder.Plan.Layers.Select(l => l.Id).OrderByDescending(id => sensitivity[id])];
        bool complete = await descent.RunAsync(_best, layers, _points.Add, cancellation);
        await JudgeAsync(first, cancellation);
        return complete;
    }

    /// <summary>Each configuration with no correction but those of one pass in graph order: of biases, and of integers and biases.</summary>
    private async Task CorrectAnewAsync(string origin, IReadOnlyList<SearchConfiguration> configurations, CancellationToken cancellation)
    {
        (SearchConfiguration Bare, LayerCorrection Corrections)[] wanted =
            [.. configurations.Select(c => c.WithoutCorrections()).DistinctBy(c => c.Hash).SelectMany(c => Kinds(c).Select(k => (c, k)))];
        if (wanted.Length == 0 || _budget.IsOver(1) || !_budget.Allows(_ledger, wanted.Length, 1))
            return;
        Take(await Together.RunAsync(wanted, async (w, c) =>
        {
            Trial bare = _builder.Build(w.Bare);
            CorrectionRequest request = new(bare, [.. bare.Plan.Layers.Select(l => l.Id)], w.Corrections);
            SearchConfiguration after = w.Bare.WithCorrections(w.Corrections, (await _runner.CorrectAsync([request], c))[0]);
            Trial trial = _builder.Build(after);
            double[] errors = (await _ledger.RaceAsync([[trial]], c))[0][0]!;
            return await JudgeAsync(new SearchPoint(origin, after, trial, errors, _time.Of(trial.Plan)), c);
        }, cancellation));
        Report(origin, wanted.Length, wanted.Length);
    }

    /// <summary>What a whole configuration may be corrected by.</summary>
    private IEnumerable<LayerCorrection> Kinds(SearchConfiguration configuration)
    {
        bool fourBits = configuration.Quantized.Any(l => configuration.Layer(l).Precision == LayerPrecision.Int4Weights);
        LayerCorrection rounding = fourBits || _settings.Corrections != _corrections ? _settings.Corrections & LayerCorrection.Rounding : LayerCorrection.None;
        return new[] { _corrections & LayerCorrection.Bias, _corrections, rounding }.Where(c => c != LayerCorrection.None).Distinct();
    }

    /// <summary>Validates the points from <paramref name="first"/> on that are fast and small enough, and notes the best of all.</summary>
    private async Task JudgeAsync(int first, CancellationToken cancellation)
    {
        int[] open = [.. Enumerable.Range(first, _points.Count - first).Where(i => _allowance.Permits(_points[i].Trial))];
        IReadOnlyList<double[]> errors = await _ledger.ValidateAsync([.. open.Select(i => _points[i].Trial)], cancellation);
        if (open.Length == 0)
            return;
        for (int i = 0; i < open.Length; i++)
            _points[open[i]] = _points[open[i]] with { ValidationErrors = errors[i] };
        NoteBest();
    }

    /// <summary>The point with its errors on the validation samples, where it is fast and small enough.</summary>
    private async Task<SearchPoint> JudgeAsync(SearchPoint point, CancellationToken cancellation) =>
        _allowance.Permits(point.Trial) ? point with { ValidationErrors = (await _ledger.ValidateAsync([point.Trial], cancellation))[0] } : point;

    /// <summary>Adds points as far as they are judged, and notes the best of all.</summary>
    private void Take(IReadOnlyList<SearchPoint> points)
    {
        _points.AddRange(points);
        if (points.Any(p => p.ValidationErrors is not null))
            NoteBest();
    }

    private void NoteBest() =>
        // The fast start is to be beaten; where that is too large, nothing is.
        _best = _base == _start ? FinalChoice.Of(_start, _points.Skip(1), _allowance.MostTime, _settings.StandardErrors) : FinalChoice.Of(_points.Skip(1), _allowance.MostTime);

    /// <summary>As many chains, of as many steps, as the budget allows.</summary>
    private IEnumerable<ProgressiveChain> Chains(IReadOnlyDictionary<string, double> sensitivity)
    {
        LayerOrderContext context = new(_builder.Plan.Layers, sensitivity, _time.Gains);
        double trials = _allowance.Size is null ? TrialsAStep : TrialsAStepWithin, steps = Math.Max(0, _budget.Trials(ProgressiveSearch.Share) - _ledger.Count) / trials, each = 0;
        List<ILayerOrder> orders = [];
        foreach (ILayerOrder order in _settings.OrderNames.Select(LayerOrders.Get))
        {
            // A step of a beam is one of each prefix, and before it one trial for each layer that may come next.
            double share = steps / (orders.Append(order).Sum(o => o.Width * (1 + ((o.Successors - 1.0) / TrialsAStep))));
            if (share < Math.Min(FewestSteps, context.Layers.Count))
                break;
            orders.Add(order);
            each = Math.Min(_settings.MostSteps, share);
        }

        ChainTarget target = _base == _start ? ChainTarget.Standard(_builder) : new ChainTarget(_builder, _base.Configuration.WithoutCorrections().WithDefaultRanges(), _allowance.Size);
        return orders.Select(order => new ProgressiveChain(order, _builder, target, ChainSteps.Cut(order.Arrange(context), (int)each), _settings));
    }

    private double TrialsInTime() => _budget.SecondsLeft is { } left
        ? _ledger.Count * (1 + (Math.Max(0, left) / Math.Max(1e-3, _budget.Elapsed)))
        : double.MaxValue;

    /// <summary>What was done to some layer.</summary>
    private static LayerCorrection Given(SearchConfiguration configuration) =>
        configuration.Quantized.Aggregate(LayerCorrection.None, (c, layer) => c | configuration.Layer(layer).Corrections);

    private IReadOnlyList<SearchCurve> Curves() =>
    [
        .. _settings.OrderNames.Select(name => new SearchCurve(
            name, [.. _points.Where(p => p.Origin == name).Select(p => new CurveStep(p.Quantized, p.SearchError.Mean, p.SearchError.StandardError))])),
    ];

    private void Report(string phase, int step, int steps) =>
        _progress?.Report(new SearchProgress(phase, "", step, steps, null, _best.ValidationError?.Mean, _ledger.Count, _budget.Used(_ledger.Count)));
}
