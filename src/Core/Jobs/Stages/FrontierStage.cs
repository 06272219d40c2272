using QuantCluster.Corrections;
using QuantCluster.Emission;
using QuantCluster.Inference;
using QuantCluster.Onnx;
using QuantCluster.Reporting;
using QuantCluster.Search;
using QuantCluster.Search.Frontier;
using QuantCluster.Search.Precision;
using QuantCluster.Search.Sensitivity;
using QuantCluster.Search.WeightOnly;
using QuantCluster.Verification;

namespace QuantCluster.Jobs.Stages;

/// <summary>
/// A configured plan → models in which some of its layers are float, none better than another in everything: error on
/// held-back samples, measured time, size.
/// </summary>
internal sealed class FrontierStage
{
    /// <summary>Sets of layers that are foretold to be slower than float by more than this are not looked at.</summary>
    private const double SlowestRelative = 1.1;

    /// <summary>
    /// What saves less time than this is hardly better than the float model, which is more accurate: there are points of more
    /// use, unless nothing saves more or it is the smallest.
    /// </summary>
    private const double Worthwhile = 0.95;

    /// <summary>Sets of INT4 layers that are made beside what a search found within a size: the most accurate ones, by their size.</summary>
    private const int RankedSets = 2;

    private readonly StageContext _context;
    private readonly BlobId _model;
    private readonly OnnxModel _prepared;
    private readonly IReadOnlyDictionary<string, TensorShape> _shapes;
    private readonly FrontierSettings _settings;
    private readonly string _statistics;
    private readonly int _workers;
    private readonly FourBitWeights _fourBits;
    private readonly StorableWeights _storable;
    private readonly double _most;

    /// <param name="context">The job.</param>
    /// <param name="model">The prepared model's blob.</param>
    /// <param name="prepared">The prepared model.</param>
    /// <param name="shapes">Every tensor's shape in one run.</param>
    /// <param name="statistics">What the emitted models say of the statistics they rest on.</param>
    /// <param name="settings">How thoroughly.</param>
    public FrontierStage(
        StageContext context, BlobId model, OnnxModel prepared, IReadOnlyDictionary<string, TensorShape> shapes, string statistics, FrontierSettings settings)
    {
        (_context, _model, _prepared, _shapes, _statistics, _settings) = (context, model, prepared, shapes, statistics, settings);
        _workers = QuantizationJob.WorkersOf(context.Settings);
        _fourBits = new FourBitWeights(prepared, RangesStage.SettingsOf(context.Settings));
        _storable = new StorableWeights(prepared, WeightOnlyStage.ExcludedOf(context.Settings));

        // A frontier that was asked for has points of all sizes.
        _most = context.Settings.Frontier is null && context.MaximumBytes is { } most ? most : double.PositiveInfinity;
    }

    /// <param name="whole">What the points have fewer layers of.</param>
    /// <param name="searched">Configurations a search came upon: candidates like the sets of layers.</param>
    /// <param name="onIntegers">The trial with every layer on integers; null for <paramref name="whole"/>.</param>
    /// <param name="onIntegersRanges">Blob of its configuration before corrections.</param>
    /// <param name="cancellation">Looked at between items.</param>
    public async Task<FrontierResult> RunAsync(
        ConfiguredPlan whole, IReadOnlyList<SearchPointOutcome> searched, Trial? onIntegers, BlobId? onIntegersRanges, CancellationToken cancellation)
    {
        (int[] search, int[] validation) = _settings.Split(_context.Sources.Data.Count);
        QuantizationConfiguration ranges = await _context.Handlers.Values.ConfigurationAsync(whole.Ranges, cancellation);
        QuantizationConfiguration corrected = await _context.Handlers.Values.ConfigurationAsync(whole.Configuration, cancellation);
        onIntegers ??= new Trial(whole.Plan, corrected);
        FrontierPointMaker maker = new(_context, _model, _prepared, _statistics, _settings, _fourBits, whole, onIntegers, search, validation);

        // Equalized channels belong to pairs of layers: one of a pair alone would compute something else.
        bool separable = ScaledTensors.Between(_prepared, whole.Plan, ranges, corrected).Count == 0;
        Subset bare = new(_prepared, _shapes, whole.Plan, ranges), subset = separable ? new Subset(_prepared, _shapes, whole.Plan, corrected) : bare;

        LayerTrials layers = LayerTrials.Make(whole.Plan.Layers, subset.Of);
        IReadOnlyList<LayerSensitivity> sensitivity = (await SensitivityStage.RunAsync(_context, _model, layers, search, SensitivitySettings.Default, _workers, cancellation)).Layers;
        ISpeedModel speed = _settings.RanksByEstimate
            ? new EstimatedSpeed(new TimeEstimate(_prepared, _shapes, whole.Plan))
            : new SpeedModel(_prepared, _shapes, whole.Plan, await ProfileAsync(whole, maker, cancellation));
        List<(string Name, Trial Trial)> candidates = [];
        foreach (FrontierCandidate candidate in FrontierChains.Make(sensitivity, speed.GainOf, _settings.SetsARanking))
        {
            if (subset.Of(candidate.Quantized) is { } trial)
                candidates.Add((candidate.Name, trial));
        }

        // Of layers that the search left float for good no time is known.
        HashSet<string> known = [.. whole.Plan.Layers.Select(l => l.Id)];
        foreach (SearchPointOutcome point in ParetoFront.Of([.. searched.Where(p => p.Bytes <= _most)], p => new Cost(p.SearchErrors.Average(), p.Time, p.Bytes)))
        {
            Trial trial = await _context.Handlers.Trials.GetAsync(BlobId.Parse(point.Trial), cancellation);
            if (trial.Plan.Layers.Count > 0 && trial.Plan.Layers.All(l => known.Contains(l.Id)))
                candidates.Add(($"search: {point.Origin}", trial));
        }

        // What a search within a size gave bits of is not what single layers are ranked in.
        bool given = onIntegersRanges is not null && FourBitWeights.Has(corrected);
        Subset eight = given ? new Subset(_prepared, _shapes, onIntegers.Plan, onIntegers.Configuration) : subset, eightBare = !given ? bare
            : new Subset(_prepared, _shapes, onIntegers.Plan, await _context.Handlers.Values.ConfigurationAsync(onIntegersRanges!.Value, cancellation));
        HashSet<string> ranked = [];
        if (_context.Settings.Weights == WeightType.Auto && eight.Of(known) is { } eightBits)
        {
            (string Name, Trial Trial)[] sets = [.. await _fourBits.SetsAsync(eightBits, async trials =>
            {
                IReadOnlyDictionary<string, double[]> errors = await TrialsStage.RunAsync(_context, _model, trials, search, _workers, cancellation);
                return [.. trials.Select(t => errors[t.Key].Average())];
            })];
            candidates.AddRange(sets);
            ranked.UnionWith(sets.Select(s => s.Trial.Key));
        }

        FrontierEstimate[] estimates = await EstimateAsync(candidates, speed, search, cancellation);

        // Twice: what was timed first corrects what is foretold of the others.
        Dictionary<string, FrontierPoint> points = [];
        for (int round = 0; round < 2; round++)
        {
            FrontierEstimate[] foretold = [.. estimates.Select(e => e with { Relative = speed.Predict(e.Trial.Plan) })];
            long smallest = foretold.Min(e => e.Bytes);
            FrontierEstimate[] worthwhile = [.. foretold.Where(e => e.Relative <= Worthwhile || e.Bytes == smallest)];
            if (worthwhile.Length >= _settings.Points)
                foretold = worthwhile;
            IReadOnlyList<FrontierEstimate> chosen = ParetoFront.Spread(ParetoFront.Of(Within(foretold, e => e.Bytes), e => e.Cost), e => e.Cost, _settings.Points);

            // What a search chose within a limit is to be judged, however near others lie, and against what it is to be better than.
            if (double.IsFinite(_most) && searched.Count > 0)
                chosen = [.. chosen, estimates[0], .. estimates.Where(e => ranked.Contains(e.Trial.Key) && e.Bytes <= _most).Take(RankedSets)];
            foreach (FrontierEstimate estimate in chosen.DistinctBy(e => e.Trial.Key).Where(e => !points.ContainsKey(e.Trial.Key)))
                points[estimate.Trial.Key] = await maker.MakeAsync(estimate, ranked.Contains(estimate.Trial.Key) ? eightBare : bare, cancellation);
            speed.Fit([.. estimates.Where(e => points.ContainsKey(e.Trial.Key)).Select(e => new TimedPlan(e.Trial.Plan, points[e.Trial.Key].MeasuredRelative))]);
        }

        IReadOnlyList<FrontierPoint> front = ParetoFront.Spread(ParetoFront.Of(Within([.. points.Values], p => p.Bytes), Coarse), p => p.Cost, _settings.Points);
        return new FrontierResult
        {
            Model = _context.Directory.Specification.Model.Path,
            ModelSha256 = _context.Directory.Specification.Model.Sha256,
            ReferenceBytes = VerifiedModel.FromFile(_context.Sources.ModelInput.Path).ByteCount,
            Measure = SensitivityResult.MeasureOf(_prepared),
            SearchSamples = search,
            ValidationSamples = validation,
            Processor = ReportedEnvironment.Processor,
            Candidates = estimates.Length,
            Measured = points.Count,
            PredictionError = points.Values.Average(p => Math.Abs(p.PredictedRelative - p.MeasuredRelative) / p.MeasuredRelative),
            Sensitivity = sensitivity,
            Points = [.. front.OrderBy(p => p.Cost.Latency).Select((p, i) => p with { Number = i + 1 })],
        };
    }

    private async Task<LatencyProfile> ProfileAsync(ConfiguredPlan whole, FrontierPointMaker maker, CancellationToken cancellation)
    {
        BlobId emitted = await maker.EmitAsync(whole, cancellation);
        WorkItem item = ProfileKernels.ItemOf(_context, _model, whole.PlanBlob, emitted, _settings.Threads, _settings.Timing);
        return ProfileKernels.Parse(await _context.Directory.Blobs.GetAsync((await _context.RunItemsAsync("latency", [item], cancellation))[0], cancellation));
    }

    /// <summary>The errors of the sets of layers on the search samples; those that are surely slower than float are left out.</summary>
    private async Task<FrontierEstimate[]> EstimateAsync(
        IReadOnlyList<(string Name, Trial Trial)> candidates, ISpeedModel speed, int[] search, CancellationToken cancellation)
    {
        List<(string Name, Trial Trial, double Relative)> made =
            [.. candidates.DistinctBy(c => c.Trial.Key).Select(c => (c.Name, c.Trial, speed.Predict(c.Trial.Plan)))];

        // Foretelling may err, so some are looked at in any case; the whole always.
        double slowest = Math.Max(SlowestRelative, made.Select(m => m.Relative).Order().ElementAt(Math.Min(made.Count, 2 * _settings.Points) - 1));
        made = [made[0], .. made.Skip(1).Where(m => m.Relative <= slowest)];
        IReadOnlyDictionary<string, double[]> errors = await TrialsStage.RunAsync(_context, _model, [.. made.Select(m => m.Trial)], search, _workers, cancellation);
        ModelSize size = new(_prepared, made[0].Trial);
        return [.. made.Select(m => new FrontierEstimate(m.Name, m.Trial, errors[m.Trial.Key].Average(), m.Relative, size.Of(double.IsFinite(_most) ? AtSmallest(m.Trial) : m.Trial)))];
    }

    /// <summary>A little less time or size is not worth an error: a percent of the one, two of the other.</summary>
    private static Cost Coarse(FrontierPoint point) =>
        new(point.Error, Math.Round(Math.Log(point.Cost.Latency) / 0.01), Math.Round(Math.Log(point.Bytes) / 0.02));

    /// <summary>The trial with all weights stored as integers that can be: what is chosen of them is known when the model is made.</summary>
    private Trial AtSmallest(Trial trial) => _context.Settings.FloatWeights == FloatWeights.Float ? trial : new Trial(
        trial.Plan, trial.Configuration with { WeightOnly = _storable.Of(trial.Plan).ToDictionary(w => w.Id, w => w.Weight) });

    /// <summary>Those that keep to the limit of size; all, where none does.</summary>
    private IReadOnlyList<T> Within<T>(IReadOnlyList<T> all, Func<T, double> bytes) =>
        all.Any(a => bytes(a) <= _most) ? [.. all.Where(a => bytes(a) <= _most)] : all;
}
