using System.Globalization;
using QuantCluster.Corrections;
using QuantCluster.Onnx;
using QuantCluster.Planning;
using QuantCluster.Search;
using QuantCluster.Search.Frontier;
using QuantCluster.Verification;

namespace QuantCluster.Jobs.Stages;

/// <summary>A set of layers before it is emitted: error on the search samples, foretold time and size.</summary>
/// <param name="Name">Where it comes from.</param>
/// <param name="Relative">Foretold time over the float model's.</param>
/// <param name="Bytes">Of its model, about.</param>
internal sealed record FrontierEstimate(string Name, Trial Trial, double Error, double Relative, long Bytes)
{
    public Cost Cost => new(Error, Relative, Bytes);
}

/// <summary>Makes a point of a frontier: a model that is emitted, judged on held-back samples and timed.</summary>
/// <param name="model">The prepared model's blob.</param>
/// <param name="statistics">What the emitted models say of the statistics they rest on.</param>
/// <param name="whole">What the points have fewer layers of.</param>
/// <param name="onIntegers">The trial with every layer on integers.</param>
/// <param name="search">Samples that choose.</param>
/// <param name="validation">Samples held back.</param>
internal sealed class FrontierPointMaker(
    StageContext context,
    BlobId model,
    OnnxModel prepared,
    string statistics,
    FrontierSettings settings,
    FourBitWeights fourBits,
    ConfiguredPlan whole,
    Trial onIntegers,
    int[] search,
    int[] validation)
{
    private readonly int _workers = QuantizationJob.WorkersOf(context.Settings), _threads = QuantizationJob.ThreadsOf(context.Settings);

    /// <summary>Emits one set of layers with corrections of its own, validates and times it.</summary>
    /// <param name="estimate">The set.</param>
    /// <param name="bare">Makes sets without corrections.</param>
    /// <param name="cancellation">Looked at between items.</param>
    public async Task<FrontierPoint> MakeAsync(FrontierEstimate estimate, Subset bare, CancellationToken cancellation)
    {
        QuantizationPlan plan = estimate.Trial.Plan;
        HashSet<string> quantized = [.. plan.Layers.Select(l => l.Id)];
        bool isWhole = plan.Layers.Count == whole.Plan.Layers.Count && FourBitWeights.AreAlike(estimate.Trial, new Trial(whole.Plan, await context.Handlers.Values.ConfigurationAsync(whole.Configuration, cancellation)));
        ConfiguredPlan configured = isWhole ? whole : await ConfigureAsync(estimate, bare, cancellation);
        configured = await WeightOnlyStage.RunAsync(context, model, prepared, configured, onIntegers, _workers, cancellation);
        BlobId emitted = await EmitAsync(configured, cancellation);
        Trial trial = new(plan, await context.Handlers.Values.ConfigurationAsync(configured.Configuration, cancellation));
        double[] errors = (await TrialsStage.RunAsync(context, model, [trial], validation, _workers, cancellation))[trial.Key];
        MeanError error = MeanError.Of(errors);
        VerificationResult figures = await ValidateAsync(emitted, cancellation);
        WorkItem item = MeasureLatency.ItemOf(context, emitted, settings.Threads, settings.Timing);
        LatencyResult latency = MeasureLatency.Parse(
            await context.Directory.Blobs.GetAsync((await context.RunItemsAsync("latency", [item], cancellation))[0], cancellation));
        return new FrontierPoint
        {
            Number = 0,
            Origin = estimate.Name,
            Quantized = [.. plan.Layers.Select(l => l.Id)],
            BackToFloat = [.. whole.Plan.Layers.Select(l => l.Id).Where(id => !quantized.Contains(id))],
            Error = error.Mean,
            ErrorStandardError = error.StandardError,
            SqnrDb = figures.Error("sqnr_db") is { } sqnr && double.IsFinite(sqnr) ? sqnr : null,
            Agreement = figures.Error("agreement"),
            Bytes = figures.QuantizedBytes,
            PredictedRelative = estimate.Relative,
            IsRankedByEstimate = settings.RanksByEstimate,
            Latency = latency,
            Model = emitted.Value,
            Plan = configured.PlanBlob.Value,
            Configuration = configured.Configuration.Value,
            Ranges = configured.Ranges.Value,
        };
    }

    /// <summary>
    /// What of the whole's corrections is left, or corrections made for this set of layers: the search samples say which.
    /// </summary>
    private async Task<ConfiguredPlan> ConfigureAsync(FrontierEstimate estimate, Subset bare, CancellationToken cancellation)
    {
        QuantizationPlan plan = estimate.Trial.Plan;
        BlobId planBlob = await context.Directory.Blobs.PutAsync(CanonicalJson.Serialize(plan, StageJson.Default.QuantizationPlan), cancellation);
        BlobId left = await context.Directory.Blobs.PutAsync(ConfigurationFile.ToBytes(estimate.Trial.Configuration), cancellation);
        ConfiguredPlan asItIs = new(planBlob, plan, left, left, []);
        if (bare.Of(plan.Layers.Select(l => l.Id).ToHashSet()) is not { } uncorrected || uncorrected.Plan.Layers.Count != plan.Layers.Count)
            return asItIs;
        if (context.Settings.Weights == WeightType.Auto)
        {
            uncorrected = fourBits.Like(uncorrected, estimate.Trial);
            uncorrected = new Trial(uncorrected.Plan, uncorrected.Configuration with { WeightOnly = estimate.Trial.Configuration.WeightOnly });
        }

        BlobId ranges = await context.Directory.Blobs.PutAsync(ConfigurationFile.ToBytes(uncorrected.Configuration), cancellation);
        (BlobId configuration, IReadOnlyList<CorrectionTrial> tried) =
            await CorrectStage.RunAsync(context, model, prepared, planBlob, plan, ranges, _threads, cancellation);
        Trial anew = new(plan, await context.Handlers.Values.ConfigurationAsync(configuration, cancellation));
        IReadOnlyDictionary<string, double[]> errors = await TrialsStage.RunAsync(context, model, [estimate.Trial, anew], search, _workers, cancellation);
        return errors[anew.Key].Average() <= errors[estimate.Trial.Key].Average() ? new ConfiguredPlan(planBlob, plan, ranges, configuration, tried) : asItIs;
    }

    public Task<BlobId> EmitAsync(ConfiguredPlan plan, CancellationToken cancellation) =>
        EmitStage.RunAsync(context, model, prepared, plan.PlanBlob, plan.Plan, plan.Configuration, statistics, cancellation);

    /// <summary>Error metrics on the held-back samples.</summary>
    private async Task<VerificationResult> ValidateAsync(BlobId emitted, CancellationToken cancellation)
    {
        string[] inputs = [emitted.Value, context.Sources.ModelInput.Sha256, context.DataKey, .. validation.Select(v => v.ToString(CultureInfo.InvariantCulture))];
        IReadOnlyDictionary<string, BlobId> outputs = await context.Runner.RunAsync("validate", inputs, async c =>
        {
            VerifiedModel reference = VerifiedModel.FromFile(context.Sources.ModelInput.Path);
            VerifiedModel quantized = await ModelBlobs.VerifiedAsync(context.Directory.Blobs, emitted, c);
            VerificationSettings verification = new() { Workers = _workers, ProfileSamples = 0, Latency = null };
            VerificationResult result = Verifier.Verify(reference, quantized, new ChosenSamples(context.Sources.Data, validation), null, verification, null, c);
            return new Dictionary<string, byte[]> { ["result"] = CanonicalJson.Serialize(result, StageJson.Default.VerificationResult) };
        }, cancellation);
        return await context.ReadJsonAsync(outputs["result"], StageJson.Default.VerificationResult, cancellation);
    }
}
