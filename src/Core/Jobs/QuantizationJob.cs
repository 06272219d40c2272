using System.Diagnostics;
using System.Reflection;
using QuantCluster.Calibration;
using QuantCluster.Corrections;
using QuantCluster.Emission;
using QuantCluster.Inference;
using QuantCluster.Jobs.Stages;
using QuantCluster.Onnx;
using QuantCluster.Planning;
using QuantCluster.Reporting;
using QuantCluster.Search;
using QuantCluster.Search.Frontier;
using QuantCluster.Search.Guard;
using QuantCluster.Verification;

namespace QuantCluster.Jobs;

/// <summary>
/// The whole flow: prepare, plan, calibrate, ranges, correct, emit, verify, and only then the model at its place.
/// Stopped or killed anywhere, run again it goes on and ends in the same bytes.
/// </summary>
public sealed class QuantizationJob(JobDirectory directory, JobSources sources, IWorkEngine engine, IProgress<JobProgress>? progress = null)
{
    /// <summary>More runs side by side than this need much memory and gain little; the threads go into the runs.</summary>
    private const int MostWorkers = 4;

    /// <summary>Version and build of this program: what another build finished is done anew.</summary>
    public static string ToolVersion { get; } =
        $"{typeof(QuantizationJob).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion}+{typeof(QuantizationJob).Module.ModuleVersionId:N}";

    /// <summary>Threads the job may use.</summary>
    public static int ThreadsOf(JobSettings settings) => settings.Threads > 0 ? settings.Threads : Environment.ProcessorCount;

    /// <summary>Work items at a time.</summary>
    public static int WorkersOf(JobSettings settings) => settings.Workers > 0 ? settings.Workers : Math.Min(MostWorkers, ThreadsOf(settings));

    /// <summary>Ends a search at its best so far; the job then goes on with that.</summary>
    public CancellationToken StopSearch { get; init; }

    /// <summary>Told how far the search is.</summary>
    public IProgress<SearchProgress>? SearchProgress { get; init; }

    /// <summary>Whether the search is what is being done just now.</summary>
    public bool IsSearching { get; private set; }

    /// <exception cref="QuantException">A stage failed, or a gate was not met; then nothing is at the output.</exception>
    public async Task<JobOutcome> RunAsync(CancellationToken cancellation)
    {
        JobSettings settings = directory.Specification.Settings;
        int threads = ThreadsOf(settings), workers = WorkersOf(settings);
        StageRunner runner = new(directory, engine, progress);
        using WorkHandlers handlers = new(directory.Blobs, sources, Math.Max(1, threads / workers), workers);
        StageContext context = new(directory, runner, sources, handlers, progress);

        IReadOnlyDictionary<string, BlobId> preparation = await PrepareStage.RunAsync(context, cancellation);
        BlobId model = preparation["model"];
        sources.ReleaseModel();
        UnusedMemory.Return();
        OnnxModel prepared = await context.ReadModelAsync(model);
        IReadOnlyDictionary<string, BlobId> planning = await PlanStage.RunAsync(context, model, prepared, cancellation);
        BlobId planBlob = planning["plan"];
        QuantizationPlan plan = await context.ReadJsonAsync(planBlob, StageJson.Default.QuantizationPlan, cancellation);
        UnusedMemory.Return();
        CalibrationStatistics statistics = await CalibrateStage.RunAsync(context, model, planBlob, plan, cancellation);
        handlers.Release();
        UnusedMemory.Return();
        IReadOnlyDictionary<string, BlobId> ranges = await RangesStage.RunAsync(context, model, prepared, planBlob, plan, statistics, cancellation);
        (BlobId configuration, IReadOnlyList<CorrectionTrial> trials) =
            await CorrectStage.RunAsync(context, model, prepared, planBlob, plan, ranges["configuration"], threads, cancellation);
        string basis = $"{statistics.Samples} samples, sha256 {ranges["statistics"]}";
        ConfiguredPlan chosen = new(planBlob, plan, ranges["configuration"], configuration, trials);
        IReadOnlyDictionary<string, string> methods = await context.ReadJsonAsync(ranges["methods"], StageJson.Default.IReadOnlyDictionaryStringString, cancellation);
        SearchOutcome? search = null;
        BlobId? startRanges = null;
        if (directory.Specification.Search is { } wanted)
        {
            SearchInputs inputs = new(model, prepared, planBlob, plan, ranges["configuration"], configuration, statistics);
            IsSearching = true;
            Searched searched = await SearchStage.RunAsync(context, inputs, wanted, workers, SearchProgress, StopSearch, cancellation);
            IsSearching = false;
            directory.Outputs.Write(Path.Combine(directory.Path, SearchOutcome.FileName), CanonicalJson.Serialize(searched.Outcome, StageJson.Default.SearchOutcome));
            (model, prepared, methods, search, statistics) = (searched.Model, searched.Prepared, searched.Methods, searched.Outcome, searched.Statistics);
            startRanges = searched.StartRanges;
            chosen = new(searched.PlanBlob, await handlers.Values.PlanAsync(searched.PlanBlob), searched.Ranges, searched.Configuration, trials);
            handlers.Release();
            UnusedMemory.Return();
        }

        FrontierResult? frontier = null;
        FrontierPoint? point = null;
        Trial? onIntegers = search is null ? null : await handlers.Trials.GetAsync(BlobId.Parse(search.Start.Trial), cancellation);
        async Task<IReadOnlyDictionary<string, TensorShape>> ShapesAsync() => search is not null
            ? TensorProbe.Observe(prepared, sources.Data.Read(0))
            : await context.ReadJsonAsync(planning["shapes"], StageJson.Default.IReadOnlyDictionaryStringTensorShape, cancellation);
        async Task ChoosePointAsync()
        {
            foreach (FrontierSettings way in PointSelection.WaysOf(settings))
            {
                frontier = await new FrontierStage(context, model, prepared, await ShapesAsync(), basis, way).RunAsync(chosen, search?.Points ?? [], onIntegers, startRanges, cancellation);
                UnusedMemory.Return();
                point = PointChoice.Choose(frontier, PointSelection.ConstraintsOf(settings));
                if (point is not null)
                    break;
            }

            directory.Outputs.Write(Path.Combine(directory.Path, FrontierFile.Name), FrontierFile.ToBytes(frontier!));
            chosen = await ChooseAsync(context, chosen, point, cancellation);
        }

        if (PointSelection.IsAsked(settings))
            await ChoosePointAsync();
        ConfiguredPlan whole = chosen;
        GuardOutcome? guarded = null;
        if (point is null)
        {
            GuardStage guard = new(context, model, prepared, workers);
            (chosen, guarded) = await guard.RunAsync(whole, ShapesAsync, onIntegers, startRanges, cancellation);
            Trial? reference = onIntegers;
            if (reference is null && chosen != whole)
                reference = new Trial(whole.Plan, await handlers.Values.ConfigurationAsync(whole.Configuration, cancellation));
            chosen = await WeightOnlyStage.RunAsync(context, model, prepared, chosen, reference, workers, cancellation, guarded is { IsMet: true } ? guard : null, hasToSpare: chosen == whole);
        }

        (BlobId emitted, VerificationResult verification) = await EmitAndVerifyAsync(context, model, prepared, chosen, basis, Math.Min(workers, threads), cancellation);
        if (frontier is null && PointSelection.IsNeeded(settings, verification))
        {
            ConfiguredPlan stored = chosen;
            chosen = whole;
            await ChoosePointAsync();
            if (point is null)
                chosen = stored;
            else
                guarded = null;
            (emitted, verification) = await EmitAndVerifyAsync(context, model, prepared, chosen, basis, Math.Min(workers, threads), cancellation);
        }

        QuantizationPlan shown = PointSelection.Explain(chosen.Plan, point, guarded);
        QuantizationConfiguration corrected = await handlers.Values.ConfigurationAsync(chosen.Configuration, cancellation);
        search = search?.As(chosen.Plan, corrected, settings.Granularity);
        IReadOnlyList<string> notes = [.. OutcomeNotes.Of(directory.Specification, sources, verification), .. OutcomeNotes.Of(frontier, point), .. OutcomeNotes.Of(search, directory.Path), .. OutcomeNotes.Of(guarded)];
        IReadOnlyList<GateVerdict> verdicts = PointSelection.GatesOf(settings).Judge(verification);
        JobReport report = new(
            directory.Specification,
            await context.ReadJsonAsync(preparation["rewrites"], StageJson.Default.IReadOnlyListRewriteReport, cancellation),
            prepared.Graph,
            shown,
            statistics,
            methods,
            corrected,
            chosen.Corrections,
            verification,
            verdicts,
            notes,
            runner.Seconds)
        {
            Uncorrected = chosen.Ranges == chosen.Configuration ? null : await handlers.Values.ConfigurationAsync(chosen.Ranges, cancellation),
            Search = search,
            Frontier = frontier,
        };
        string folder = directory.Specification.Report ?? Path.Combine(directory.Path, "report"), page = ReportFiles.Write(report.ToReport(), folder, directory.Outputs);
        if (frontier is not null)
            FrontierFiles.Write(frontier, folder, directory.Outputs);
        if (frontier is not null && point is null)
            throw PointSelection.Failure(frontier, directory.Specification, page);
        if (verdicts.FirstOrDefault(v => !v.IsMet) is { } unmet)
            throw new QuantException(ExitCode.GateNotMet, $"{unmet.Message}. Nothing was written to {directory.Specification.Output}; the report is {page}.");
        if (frontier is not null && PointSelection.ConstraintsOf(settings).NeverSlower && PointSelection.IsSlower(verification))
            throw PointSelection.FloatIsBest(verification.Latency[0], frontier.Measured, directory.Specification, page);

        await ModelBlobs.ExportAsync(directory.Blobs, emitted, directory.Specification.Output, cancellation, directory.Outputs);
        if (settings.Frontier is not null)
            await FrontierModels.WriteAsync(frontier!, directory, cancellation);
        return Outcome(shown, corrected, chosen.Corrections, search, verification, runner, page, notes);
    }

    /// <summary>The plan of a frontier's point; as it was where no point is chosen.</summary>
    private static async Task<ConfiguredPlan> ChooseAsync(StageContext context, ConfiguredPlan whole, FrontierPoint? point, CancellationToken cancellation)
    {
        if (point is null)
            return whole;
        BlobId plan = BlobId.Parse(point.Plan), ranges = BlobId.Parse(point.Ranges);
        return new ConfiguredPlan(
            plan, await context.Handlers.Values.PlanAsync(plan), ranges, BlobId.Parse(point.Configuration), whole.Corrections);
    }

    private static async Task<(BlobId Emitted, VerificationResult Verification)> EmitAndVerifyAsync(
        StageContext context, BlobId model, OnnxModel prepared, ConfiguredPlan chosen, string basis, int workers, CancellationToken cancellation)
    {
        BlobId emitted = await EmitStage.RunAsync(context, model, prepared, chosen.PlanBlob, chosen.Plan, chosen.Configuration, basis, cancellation);
        HashSet<string> scaled = await ScaledAsync(context, prepared, chosen, cancellation);
        UnusedMemory.Return();
        return (emitted, await VerifyStage.RunAsync(context, prepared, scaled, emitted, workers, cancellation));
    }

    /// <summary>A method of its own, so that the configurations do not stay in memory while the model is verified.</summary>
    private static async Task<HashSet<string>> ScaledAsync(StageContext context, OnnxModel prepared, ConfiguredPlan chosen, CancellationToken cancellation)
    {
        QuantizationConfiguration ranges = await context.Handlers.Values.ConfigurationAsync(chosen.Ranges, cancellation);
        QuantizationConfiguration corrected = chosen.Ranges == chosen.Configuration ? ranges : await context.Handlers.Values.ConfigurationAsync(chosen.Configuration, cancellation);
        return ScaledTensors.Between(prepared, chosen.Plan, ranges, corrected);
    }

    private JobOutcome Outcome(QuantizationPlan plan, QuantizationConfiguration configuration, IReadOnlyList<CorrectionTrial> trials, SearchOutcome? search, VerificationResult verification, StageRunner runner, string page, IReadOnlyList<string> notes)
    {
        LatencyResult? latency = verification.Latency.Count > 0 ? verification.Latency[0] : null;
        double? sqnr = verification.Error("sqnr_db");
        using Process process = Process.GetCurrentProcess();
        return new JobOutcome
        {
            Output = directory.Specification.Output,
            Bytes = verification.QuantizedBytes,
            Fp32Bytes = verification.ReferenceBytes,
            SqnrDb = sqnr is { } value && double.IsFinite(value) ? value : null,
            Agreement = verification.Error("agreement"),
            MetricName = verification.Task?.Name,
            Metric = verification.Task?.Quantized,
            Fp32Metric = verification.Task?.Reference,
            LatencyMs = latency?.Quantized.Median,
            Fp32LatencyMs = latency?.Reference.Median,
            Speedup = latency?.Speedup,
            LatencyThreads = latency?.Threads,
            Samples = verification.Samples,
            Seconds = runner.Seconds,
            PeakRssMb = process.PeakWorkingSet64 / 1e6,
            Layers = new LayerOutcome(
                [.. plan.Layers.Select(l => new QuantizedLayer(l.Node, l.OpType, configuration.Weights[l.Id].Type.ToString().ToLowerInvariant()))],
                [.. plan.FloatLayers.Where(l => configuration.WeightOnly.ContainsKey(l.Id)).Select(Told)],
                [.. plan.FloatLayers.Where(l => !configuration.WeightOnly.ContainsKey(l.Id)).Select(Told)]),
            Corrections = trials,
            Search = search is null ? null : SearchSummary.Of(search),
            Report = page,
            Job = directory.Path,
            Notes = notes,
        };

        static UnquantizedLayer Told(FloatLayer layer) => new(layer.Node, layer.OpType, layer.Reason);
    }
}
