using QuantCluster.Calibration;
using QuantCluster.Inference;
using QuantCluster.Jobs.Stages;
using QuantCluster.Onnx;
using QuantCluster.Planning;
using QuantCluster.Search;
using QuantCluster.Search.Configuration;
using QuantCluster.Search.Sensitivity;

namespace QuantCluster.Jobs;

/// <summary>
/// Prepare, plan, calibrate, and then two trials a layer: only it quantized, and all but it. Stopped or killed
/// anywhere, run again it repeats no finished trial and ends in the same bytes.
/// </summary>
public sealed class SensitivityJob(JobDirectory directory, JobSources sources, IWorkEngine engine, IProgress<JobProgress>? progress = null)
{
    /// <exception cref="QuantException">A stage failed, or the output cannot be written.</exception>
    public async Task<SensitivityResult> RunAsync(CancellationToken cancellation)
    {
        JobSettings settings = directory.Specification.Settings;
        SensitivitySettings sensitivity = directory.Specification.Sensitivity ?? SensitivitySettings.Default;
        int threads = QuantizationJob.ThreadsOf(settings), workers = QuantizationJob.WorkersOf(settings);
        using WorkHandlers handlers = new(directory.Blobs, sources, Math.Max(1, threads / workers), workers);
        StageContext context = new(directory, new StageRunner(directory, engine, progress), sources, handlers, progress);

        BlobId model = (await PrepareStage.RunAsync(context, cancellation))["model"];
        sources.ReleaseModel();
        OnnxModel prepared = await context.ReadModelAsync(model);
        IReadOnlyDictionary<string, BlobId> planning = await PlanStage.RunAsync(context, model, prepared, cancellation);
        QuantizationPlan plan = await context.ReadJsonAsync(planning["plan"], StageJson.Default.QuantizationPlan, cancellation);
        IReadOnlyDictionary<string, TensorShape> shapes =
            await context.ReadJsonAsync(planning["shapes"], StageJson.Default.IReadOnlyDictionaryStringTensorShape, cancellation);

        // Leaving layers float never makes new points: one calibration of the whole plan serves every trial.
        CalibrationStatistics statistics = await CalibrateStage.RunAsync(context, model, planning["plan"], plan, cancellation);
        handlers.Release();
        UnusedMemory.Return();

        LayerTrials trials = LayerTrials.Make(plan.Layers, new TrialBuilder(prepared, shapes, plan, new RangeTable(statistics, RangesStage.SettingsOf(settings))).BuildOnly);
        cancellation.ThrowIfCancellationRequested();

        MeasuredLayers measured = await SensitivityStage.RunAsync(
            context, model, trials, [.. Enumerable.Range(0, sources.Data.Count)], sensitivity, workers, cancellation);
        SensitivityResult result = new()
        {
            Model = directory.Specification.Model.Path,
            ModelSha256 = directory.Specification.Model.Sha256,
            Data = directory.Specification.Data?.Path,
            Method = settings.Method.ToString().ToLowerInvariant(),
            Granularity = settings.Granularity.ToString().ToLowerInvariant(),
            Measure = SensitivityResult.MeasureOf(prepared),
            Samples = measured.Samples.Indices,
            Weights = measured.Samples.Weights,
            AllQuantized = measured.All.Mean,
            AllQuantizedStandardError = measured.All.StandardError,
            Layers = measured.Layers,
        };
        if (sensitivity.Latency)
            result = result with { Latency = await TimeAsync(prepared, trials.All, threads, cancellation) };
        cancellation.ThrowIfCancellationRequested();
        if (directory.Specification.Output.Length > 0)
            SensitivityFile.Save(result, directory.Specification.Output);
        return result;
    }

    // Last of all, when nothing else runs; and never from the journal: times are of this machine, now.
    private async Task<LatencyProfile> TimeAsync(OnnxModel prepared, Trial all, int threads, CancellationToken cancellation)
    {
        UnusedMemory.Return();
        progress?.Report(new JobProgress("latency", 0, 1));
        LatencyProfile profile = await Task.Run(
            () => KernelTiming.Measure(prepared, all.Emit(prepared), all.Plan.Layers, sources.Data.Read(0), threads, KernelTiming.Unhurried, cancellation), cancellation);
        progress?.Report(new JobProgress("latency", 1, 1));
        return profile;
    }
}
