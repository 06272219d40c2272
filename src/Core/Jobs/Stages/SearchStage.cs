using QuantCluster.Calibration;
using QuantCluster.Corrections;
using QuantCluster.Emission;
using QuantCluster.Inference;
using QuantCluster.Numerics;
using QuantCluster.Onnx;
using QuantCluster.Planning;
using QuantCluster.Search;
using QuantCluster.Search.Configuration;
using QuantCluster.Search.Objectives;
using QuantCluster.Search.Precision;
using QuantCluster.Search.WeightOnly;

namespace QuantCluster.Jobs.Stages;

/// <summary>What the search starts from.</summary>
/// <param name="Model">Blob of the prepared model.</param>
/// <param name="PlanBlob">Blob of the plan with every layer.</param>
/// <param name="Ranges">Blob of the configuration before corrections.</param>
/// <param name="Corrected">Blob of the configuration that <c>--effort fast</c> emits.</param>
internal sealed record SearchInputs(
    BlobId Model, OnnxModel Prepared, BlobId PlanBlob, QuantizationPlan Plan, BlobId Ranges, BlobId Corrected, CalibrationStatistics Statistics);

/// <summary>What the search gives: with the model it rests on, all that emission needs.</summary>
/// <param name="Model">Blob of the model: the prepared one, or its equalized equal.</param>
/// <param name="Ranges">Blob of the configuration before corrections.</param>
/// <param name="StartRanges">Blob of the start's configuration before corrections.</param>
/// <param name="Statistics">Of that model's tensors.</param>
internal sealed record Searched(
    BlobId Model,
    OnnxModel Prepared,
    BlobId PlanBlob,
    BlobId Ranges,
    BlobId Configuration,
    BlobId StartRanges,
    IReadOnlyDictionary<string, string> Methods,
    SearchOutcome Outcome,
    CalibrationStatistics Statistics);

/// <summary>Fast start → the plan and the configuration of least whole-model error that the budget found.</summary>
internal static class SearchStage
{
    /// <summary>Multiply-accumulates of all search samples together, about: more samples where they are cheap.</summary>
    private const double SampleBudget = 40e9;

    public static async Task<Searched> RunAsync(
        StageContext context, SearchInputs inputs, SearchSettings settings, int workers, IProgress<SearchProgress>? progress, CancellationToken stop, CancellationToken cancellation)
    {
        (inputs, IReadOnlyDictionary<string, AffineMapping> smoothed) = await ScaledBase.OfAsync(context, inputs, cancellation);
        (BlobId model, OnnxModel prepared, IReadOnlyDictionary<string, AffineMapping> given) = await BaseAsync(context, inputs, cancellation);
        HashSet<string> observed = [.. smoothed.Keys.Where(t => !given.ContainsKey(t))];
        given = given.Concat(smoothed).DistinctBy(g => g.Key).ToDictionary();
        string[] key =
        [
            model.Value, inputs.PlanBlob.Value, inputs.Corrected.Value, context.DataKey, context.Settings.Method.ToString(), context.Settings.Granularity.ToString(),
            context.Settings.WeightRange.ToString(), context.Settings.Weights.ToString(),
            ContentHash.Of(System.Text.Encoding.UTF8.GetString(CanonicalJson.Serialize(settings, JobJson.Default.SearchSettings))),
        ];
        if (context.Settings.MaximumSize is { } most)
            key = [.. key, $"{most}", context.Settings.FloatWeights.ToString(), .. context.Settings.KeepFloat ?? []];
        IReadOnlyDictionary<string, BlobId> outputs;
        try
        {
            outputs = await context.Runner.RunAsync("search", key, c => SearchAsync(context, inputs, model, prepared, given, observed, settings, workers, progress, stop, c), cancellation, isWhole: false);
        }
        catch (StoppedSearchException e)
        {
            // Not journalled: a resumed job goes on.
            Dictionary<string, BlobId> stored = [];
            foreach ((string name, byte[] bytes) in e.Outputs)
                stored[name] = await context.Directory.Blobs.PutAsync(bytes, cancellation);
            outputs = stored;
        }

        return new Searched(
            model, prepared, outputs["plan"], outputs["ranges"], outputs["configuration"], outputs["start-ranges"],
            await context.ReadJsonAsync(outputs["methods"], StageJson.Default.IReadOnlyDictionaryStringString, cancellation),
            await context.ReadJsonAsync(outputs["outcome"], StageJson.Default.SearchOutcome, cancellation),
            inputs.Statistics);
    }

    private static async Task<IReadOnlyDictionary<string, byte[]>> SearchAsync(
        StageContext context,
        SearchInputs inputs,
        BlobId model,
        OnnxModel prepared,
        IReadOnlyDictionary<string, AffineMapping> given,
        HashSet<string> observed,
        SearchSettings settings,
        int workers,
        IProgress<SearchProgress>? progress,
        CancellationToken stop,
        CancellationToken cancellation)
    {
        double multiplyAccumulates = inputs.Plan.Layers.Sum(l => (double)l.MultiplyAccumulates);
        int most = settings.Samples > 0 ? settings.Samples : (int)Math.Clamp(SampleBudget / Math.Max(1, multiplyAccumulates), 48, 128);
        SampleSplit split = SampleSplit.Of(context.Sources.Data.Count, most);
        int[] evidence = SampleSplit.Spread(split.Search, CorrectionSettings.SamplesFor(multiplyAccumulates));
        QuantizationConfiguration start = ConfigurationFile.Parse(await context.Directory.Blobs.GetAsync(inputs.Corrected, cancellation));
        IReadOnlyDictionary<string, TensorShape> shapes = TensorProbe.Observe(prepared, context.Sources.Data.Read(0));
        RangeTable ranges = new(inputs.Statistics, RangesStage.SettingsOf(context.Settings), given) { Observed = observed };
        TrialBuilder builder = new(prepared, shapes, inputs.Plan, ranges) { Storable = new StorableWeights(prepared, WeightOnlyStage.ExcludedOf(context.Settings)) };
        ModelSize? size = context.Settings.MaximumSize is null ? null : new ModelSize(prepared, new Trial(inputs.Plan, start));
        await using JobTrialRunner runner = new(context, model, inputs.PlanBlob, evidence, workers, settings.Objective == "task");
        TrialLedger ledger = new(runner, SearchObjectives.Get(settings.Objective), split, EvaluateTrial.BlockSize);
        SearchBudget budget = new(settings, () => runner.Seconds, stop);
        SearchResult result = await new LayerSearch(builder, runner, ledger, settings, budget, Forward(context.Progress, progress), LimitOf(context, builder, size)).RunAsync(start, cancellation);
        SearchPoint winner = result.Winner;
        PairedGain gain = FinalChoice.Gain(result.Start, winner);
        Dictionary<string, SearchPointOutcome> told = [];
        foreach (SearchPoint point in result.Points)
            told[point.Trial.Key] = await TellAsync(point);
        SearchOutcome outcome = new()
        {
            Effort = settings.Effort.ToString().ToLowerInvariant(),
            Objective = settings.Objective,
            Trials = result.Trials,
            IsComplete = result.IsComplete,
            IsStopped = stop.IsCancellationRequested,
            SearchSamples = split.Search.Length,
            ValidationSamples = split.Validation.Length,
            Start = told[result.Start.Trial.Key],
            Winner = await TellAsync(winner),
            Gain = gain.Mean,
            GainStandardError = gain.StandardError,
            Curves = result.Curves,
            Points = [.. result.Points.Select(p => told[p.Trial.Key])],
            Standard = builder.Standard.Told(context.Settings.Granularity),
            Layers = [.. inputs.Plan.Layers.Select(l => Describe(l, winner, context.Settings.Granularity))],
            Ranges = winner.Configuration.Ranges.ToDictionary(r => r.Key, r => r.Value.ToString()),
        };
        Dictionary<string, byte[]> outputs = new()
        {
            ["plan"] = CanonicalJson.Serialize(winner.Trial.Plan, StageJson.Default.QuantizationPlan),
            ["ranges"] = ConfigurationFile.ToBytes(builder.Build(winner.Configuration.WithoutCorrections()).Configuration),
            ["start-ranges"] = ConfigurationFile.ToBytes(builder.Build(result.Start.Configuration.WithoutCorrections()).Configuration),
            ["configuration"] = ConfigurationFile.ToBytes(winner.Trial.Configuration),
            ["methods"] = CanonicalJson.Serialize(builder.Methods(winner.Configuration), StageJson.Default.IReadOnlyDictionaryStringString),
            ["outcome"] = CanonicalJson.Serialize(outcome, StageJson.Default.SearchOutcome),
        };
        return stop.IsCancellationRequested ? throw new StoppedSearchException(outputs) : outputs;

        async Task<SearchPointOutcome> TellAsync(SearchPoint point) => new(
            point.Origin, point.Quantized, point.Configuration.Hash, (await context.Handlers.Trials.PutAsync(point.Trial, CancellationToken.None)).Value,
            point.Time, point.SearchErrors, point.ValidationErrors)
        { Bytes = size?.Of(point.Trial) ?? 0 };
    }

    /// <summary>The size that was asked for, and what layers may give up for it.</summary>
    private static SizeLimit? LimitOf(StageContext context, TrialBuilder builder, ModelSize? size) => size is null ? null : new SizeLimit(
        size,
        new PrecisionMoves(builder, size, context.Settings.Weights == WeightType.Auto, context.Settings.FloatWeights != FloatWeights.Float),
        context.MaximumBytes!.Value);

    private static SearchedLayer Describe(Layer layer, SearchPoint winner, WeightGranularity usual)
    {
        LayerChoice became = LayerChoice.Of(winner.Trial.Plan, winner.Trial.Configuration, layer.Id);
        return new SearchedLayer(
            layer.Id, layer.Node, became.Told(usual), became.IsInteger ? winner.Configuration.Layer(layer.Id).Corrections.ToString().ToLowerInvariant() : "none");
    }

    /// <summary>
    /// The model trials are made from. Where the fast start equalized channels, that is the equalized model: as floats it
    /// is the same, and a layer of a pair can go back to float. Ranges between pairs are then not to be chosen: the
    /// statistics are of the model before.
    /// </summary>
    private static async Task<(BlobId Model, OnnxModel Prepared, IReadOnlyDictionary<string, AffineMapping> Given)> BaseAsync(
        StageContext context, SearchInputs inputs, CancellationToken cancellation)
    {
        QuantizationConfiguration ranges = ConfigurationFile.Parse(await context.Directory.Blobs.GetAsync(inputs.Ranges, cancellation));
        QuantizationConfiguration corrected = ConfigurationFile.Parse(await context.Directory.Blobs.GetAsync(inputs.Corrected, cancellation));
        HashSet<string> scaled = ScaledTensors.Between(inputs.Prepared, inputs.Plan, ranges, corrected);
        if (scaled.Count == 0)
            return (inputs.Model, inputs.Prepared, new Dictionary<string, AffineMapping>());
        IReadOnlyDictionary<string, BlobId> outputs = await context.Runner.RunStoringAsync(
            "equalize", [inputs.Model.Value, inputs.PlanBlob.Value, inputs.Ranges.Value, context.DataKey],
            async c => await ModelBlobs.PutAsync(
                context.Directory.Blobs,
                CorrectionChoice.Equalize(inputs.Prepared, inputs.Plan, ranges, context.Sources.Data, new CorrectionSettings { Mode = context.Settings.Correct }, c), c),
            cancellation);
        return (outputs["model"], await context.ReadModelAsync(outputs["model"]), scaled.ToDictionary(t => t, t => corrected.Activations[t]));
    }

    private static IProgress<SearchProgress>? Forward(IProgress<JobProgress>? job, IProgress<SearchProgress>? own) =>
        job is null && own is null ? null : new Forwarding(job, own);

    private sealed class Forwarding(IProgress<JobProgress>? job, IProgress<SearchProgress>? own) : IProgress<SearchProgress>
    {
        public void Report(SearchProgress value)
        {
            own?.Report(value);
            job?.Report(new JobProgress(JobTrialRunner.StageName, value.Step, value.Steps)
            {
                Detail = $"{value.Phase} {value.Layer} {value.Step}/{value.Steps}".Replace("  ", " ", StringComparison.Ordinal),
                BestError = value.Best,
            });
        }
    }

    /// <summary>Carries the best so far out of a stage that is not finished.</summary>
    private sealed class StoppedSearchException(IReadOnlyDictionary<string, byte[]> outputs) : Exception("the search was stopped")
    {
        public IReadOnlyDictionary<string, byte[]> Outputs { get; } = outputs;
    }
}
