using System.Diagnostics;
using QuantCluster.Cluster;
using QuantCluster.Inference;
using QuantCluster.Jobs;
using QuantCluster.Jobs.Stages;
using QuantCluster.Onnx;
using QuantCluster.Planning;
using QuantCluster.Search;
using QuantCluster.Search.Configuration;
using QuantCluster.Search.Sensitivity;
using QuantCluster.Tests.Chaos;

namespace QuantCluster.Bench;

/// <summary>
/// The parallel stages of a job on a cluster, as much of them as one likes, stored and journalled as in any job: the same
/// calibration blocks come again under other names; trials are of random layers, every one another; a search is a real one
/// (<see cref="SearchSteps"/>), which goes on where it stopped.
/// </summary>
internal sealed class StageWork : IAsyncDisposable
{
    private const int TrialSamples = 16;

    /// <summary>Layers that a trial leaves float: which ones differs from trial to trial.</summary>
    private const int FloatLayers = 3;

    private readonly ScaleCluster _cluster;
    private readonly TimedEngine _engine;
    private readonly JobDirectory _directory;
    private readonly JobSources _sources;
    private readonly WorkHandlers _handlers;
    private readonly Dictionary<string, Func<int, Task<Func<Task<int>>>>> _stages;
    private readonly Dictionary<SearchEffort, SearchSteps> _searches;

    private StageWork(ScaleCluster cluster, TimedEngine engine, JobDirectory directory, JobSources sources, WorkHandlers handlers, StageContext context, Dictionary<SearchEffort, SearchSteps> searches, Dictionary<string, Func<int, Task<Func<Task<int>>>>> stages) =>
        (_cluster, _engine, _directory, _sources, _handlers, Context, _searches, _stages) = (cluster, engine, directory, sources, handlers, context, searches, stages);

    public StageContext Context { get; }

    public static IReadOnlyList<string> Names { get; } = ["calibrate", "trials", "search", "thorough"];

    /// <summary>Whether it goes by whole steps.</summary>
    public static bool IsSearch(string stage) => stage is "search" or "thorough";

    /// <param name="engine">Null for the cluster's.</param>
    public static async Task<StageWork> PrepareAsync(ScaleCluster cluster, string model, string data, IWorkEngine? engine = null)
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
        TimedEngine timed = new(engine ?? cluster.Engine);
        StageContext context = new(directory, new StageRunner(directory, timed), sources, handlers, null);
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
        Dictionary<SearchEffort, SearchSteps> searches = [];
        return new StageWork(cluster, timed, directory, sources, handlers, context, searches, new()
        {
            [Names[0]] = items => MakeAsync(items, () => Task.FromResult(CalibrateBlock.ItemsOf(sources.Data.Count, Guid.NewGuid().ToString("N"), prepared, planning["plan"], context.DataKey))),
            [Names[1]] = items => MakeAsync(items, async () =>
            {
                string[] left = [.. layers];
                random.Shuffle(left);
                Trial trial = builder.BuildOnly(left.Skip(FloatLayers));
                BlobId id = await handlers.Trials.PutAsync(trial, default);
                return await handlers.WithAffinityAsync(id, trial, prepared, EvaluateTrial.ItemsOf(id, QuantizationJob.ToolVersion, prepared, context.DataKey, samples));
            }),
            [Names[2]] = trials => SearchAsync(SearchEffort.Balanced, trials),
            [Names[3]] = trials => SearchAsync(SearchEffort.Thorough, trials),
        });

        async Task<Func<Task<int>>> MakeAsync(int items, Func<Task<WorkItem[]>> make)
        {
            List<WorkItem> work = [];
            while (work.Count < items)
                work.AddRange(await make());
            return async () => (await context.RunItemsAsync("bench", work[..items], default)).Count;
        }

        async Task<Func<Task<int>>> SearchAsync(SearchEffort effort, int trials)
        {
            if (!searches.TryGetValue(effort, out SearchSteps? search))
                searches[effort] = search = await SearchSteps.BeginAsync(context, builder, prepared, planning["plan"], new SearchSettings { Effort = effort });
            return () => search.GoOnAsync(trials);
        }
    }

    /// <returns>
    /// Seconds from the first item sent to the last journalled, for so many items; in a search for so many trials, about, with
    /// all that the coordinator does between them. And this process's and the workers' seconds of a core.
    /// </returns>
    public async Task<Times> RunAsync(string stage, int items)
    {
        Func<Task<int>> run = await _stages[stage](items);
        using Process process = Process.GetCurrentProcess();
        TimeSpan own = process.TotalProcessorTime, workers = _cluster.WorkersTime;
        double busy = _engine.Seconds;
        long begun = Stopwatch.GetTimestamp();
        int done = await run();
        double seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;
        process.Refresh();
        return new Times(done, seconds, (process.TotalProcessorTime - own).TotalSeconds, (_cluster.WorkersTime - workers).TotalSeconds, _engine.Seconds - busy);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (SearchSteps search in _searches.Values)
            await search.DisposeAsync();
        _handlers.Dispose();
        _sources.Dispose();
        _directory.Dispose();
    }
}

/// <summary>What a run takes, in seconds.</summary>
/// <param name="Items">That were done; trials, in a search.</param>
/// <param name="Seconds">From its beginning to its end.</param>
/// <param name="Coordinator">Of a core, this process.</param>
/// <param name="Workers">Of all cores, the workers.</param>
/// <param name="Busy">That workers had items in hand.</param>
internal readonly record struct Times(int Items, double Seconds, double Coordinator, double Workers, double Busy)
{
    public static Times operator +(Times a, Times b) => new(a.Items + b.Items, a.Seconds + b.Seconds, a.Coordinator + b.Coordinator, a.Workers + b.Workers, a.Busy + b.Busy);
}
