using System.Diagnostics;
using QuantCluster.Cluster;
using QuantCluster.Inference;
using QuantCluster.Jobs;
using QuantCluster.Jobs.Stages;
using QuantCluster.Onnx;
using QuantCluster.Planning;
using QuantCluster.Search.Configuration;
using QuantCluster.Search.Sensitivity;
using QuantCluster.Tests.Chaos;

namespace QuantCluster.Bench;

/// <summary>
/// The parallel stages of a job on a cluster, as much of them as one likes, stored and journalled as in any job: the same
/// blocks come again under other names, and every trial is another one, so that no more of it is known already than in a search.
/// </summary>
internal sealed class StageWork : IDisposable
{
    private const int TrialSamples = 16;

    /// <summary>Layers that a trial leaves float: which ones differs from trial to trial.</summary>
    private const int FloatLayers = 3;

    private readonly JobDirectory _directory;
    private readonly JobSources _sources;
    private readonly WorkHandlers _handlers;
    private readonly StageContext _context;
    private readonly Dictionary<string, Func<Task<WorkItem[]>>> _stages;

    private StageWork(JobDirectory directory, JobSources sources, WorkHandlers handlers, StageContext context, Dictionary<string, Func<Task<WorkItem[]>>> stages) =>
        (_directory, _sources, _handlers, _context, _stages) = (directory, sources, handlers, context, stages);

    public StageContext Context => _context;

    public static IReadOnlyList<string> Names { get; } = ["calibrate", "trials"];

    public static async Task<StageWork> PrepareAsync(ScaleCluster cluster, string model, string data)
    {
        JobSettings settings = new() { Threads = 1, Workers = 1 };
        StoredJob stored;
        using (JobSources given = JobSources.Open(model, data, null, settings))
        {
            JobSpecification request = DigitsJob.Specify(given, settings, "sensitivity.json") with { Sensitivity = new SensitivitySettings { Samples = TrialSamples } };
            stored = new JobSubmission(cluster.Store).Submit(request, "bench", TimeProvider.System.GetUtcNow());
        }

        JobDirectory directory = JobDirectory.Open(stored.Folder, QuantizationJob.ToolVersion);
        JobSources sources = JobSources.Reopen(directory.Specification);
        WorkHandlers handlers = new(directory.Blobs, sources, 1, 1);
        StageContext context = new(directory, new StageRunner(directory, cluster.Engine), sources, handlers, null);
        BlobId prepared = (await PrepareStage.RunAsync(context, default))["model"];
        OnnxModel graph = await context.ReadModelAsync(prepared);
        IReadOnlyDictionary<string, BlobId> planning = await PlanStage.RunAsync(context, prepared, graph, default);
        QuantizationPlan plan = await context.ReadJsonAsync(planning["plan"], StageJson.Default.QuantizationPlan, default);
        IReadOnlyDictionary<string, TensorShape> shapes = await context.ReadJsonAsync(planning["shapes"], StageJson.Default.IReadOnlyDictionaryStringTensorShape, default);
        Calibration.CalibrationStatistics statistics = await CalibrateStage.RunAsync(context, prepared, planning["plan"], plan, default);
        TrialBuilder builder = new(graph, shapes, plan, new RangeTable(statistics, RangesStage.SettingsOf(settings)));
        string[] layers = [.. plan.Layers.Select(l => l.Id)];
        int[] samples = [.. Enumerable.Range(0, TrialSamples)];
        Random random = new(1);
        return new StageWork(directory, sources, handlers, context, new()
        {
            [Names[0]] = () => Task.FromResult(CalibrateBlock.ItemsOf(sources.Data.Count, Guid.NewGuid().ToString("N"), prepared, planning["plan"], context.DataKey)),
            [Names[1]] = async () =>
            {
                string[] left = [.. layers];
                random.Shuffle(left);
                BlobId trial = await handlers.Trials.PutAsync(builder.BuildOnly(left.Skip(FloatLayers)), default);
                return EvaluateTrial.ItemsOf(trial, QuantizationJob.ToolVersion, prepared, context.DataKey, samples);
            },
        });
    }

    /// <returns>Seconds from the first item sent to the last journalled, for so many items; and this process's own seconds of a core.</returns>
    public async Task<(double Seconds, double Own)> RunAsync(string stage, int items)
    {
        List<WorkItem> work = [];
        while (work.Count < items)
            work.AddRange(await _stages[stage]());
        using Process process = Process.GetCurrentProcess();
        TimeSpan own = process.TotalProcessorTime;
        long begun = Stopwatch.GetTimestamp();
        await _context.RunItemsAsync(stage, work[..items], default);
        double seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;
        process.Refresh();
        return (seconds, (process.TotalProcessorTime - own).TotalSeconds);
    }

    public void Dispose()
    {
        _handlers.Dispose();
        _sources.Dispose();
        _directory.Dispose();
    }
}
