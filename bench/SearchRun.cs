using System.Diagnostics;
using QuantCluster.Jobs;
using QuantCluster.Jobs.Stages;
using QuantCluster.Onnx;
using QuantCluster.Search;

namespace QuantCluster.Bench;

/// <summary>A whole job with a search over an anchor's calibration data, in this process, no measured speed deciding anything.</summary>
internal sealed class SearchRun : IDisposable
{
    private readonly ScratchFolder _folder = new();

    public SearchRun(string anchors, string name, string model, SearchSettings search, WeightType weights, Func<SearchProgress, bool>? stopAt = null)
    {
        JobSettings settings = new() { Weights = weights, Speed = SpeedMode.Ignore };
        using JobSources sources = JobSources.Open(Path.Combine(anchors, "models", model + ".onnx"), Path.Combine(anchors, "cases", name + ".calib.json"), null, settings);
        JobSpecification specification = new()
        {
            Tool = QuantizationJob.ToolVersion,
            Model = sources.ModelInput,
            Data = sources.DataInput,
            Output = Emitted,
            Settings = settings,
            Search = search,
        };
        using JobDirectory directory = JobDirectory.Create(Job, specification);
        using CancellationTokenSource stop = new();
        Clock clock = new(stop, stopAt);
        QuantizationJob job = new(directory, sources, new LocalEngine(QuantizationJob.WorkersOf(settings))) { StopSearch = stop.Token, SearchProgress = clock };
        job.RunAsync(default).GetAwaiter().GetResult();
        Outcome = SearchOutcomeFile.Load(Job);
        Phases = clock.Phases;
    }

    public SearchOutcome Outcome { get; }

    /// <summary>When each phase of the search was first and last heard of, in seconds, and the trials then.</summary>
    public IReadOnlyDictionary<string, (double First, double Last, int Trials)> Phases { get; }

    /// <summary>The model of a point of the search.</summary>
    public OnnxModel Rebuild(SearchPointOutcome point)
    {
        using JobDirectory directory = JobDirectory.Open(Job);
        JobValues values = new(directory.Blobs);
        // What trials are made from: the prepared model, or its equal that another stage made of it.
        string prepared = directory.Journal.Records.Last(r => r.Kind != "emit" && r.Outputs.ContainsKey("model")).Outputs["model"];
        OnnxModel model = values.ModelAsync(BlobId.Parse(prepared)).GetAwaiter().GetResult();
        return new TrialStore(values).GetAsync(BlobId.Parse(point.Trial), default).GetAwaiter().GetResult().Emit(model);
    }

    /// <summary>The model's file.</summary>
    public string Emitted => Path.Combine(_folder.Path, "out.onnx");

    private string Job => Path.Combine(_folder.Path, "job");

    public void Dispose() => _folder.Dispose();

    private sealed class Clock(CancellationTokenSource stop, Func<SearchProgress, bool>? stopAt) : IProgress<SearchProgress>
    {
        private readonly Stopwatch _watch = Stopwatch.StartNew();

        public Dictionary<string, (double First, double Last, int Trials)> Phases { get; } = [];

        public void Report(SearchProgress value)
        {
            double now = _watch.Elapsed.TotalSeconds;
            Phases[value.Phase] = (Phases.TryGetValue(value.Phase, out (double First, double Last, int Trials) known) ? known.First : now, now, value.Trials);
            if (stopAt?.Invoke(value) == true)
                stop.Cancel();
        }
    }
}
