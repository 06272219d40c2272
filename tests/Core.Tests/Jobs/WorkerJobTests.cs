using System.Runtime.CompilerServices;
using QuantCluster.Jobs;
using QuantCluster.Onnx;
using QuantCluster.Search.Sensitivity;
using QuantCluster.Tests.Search.Sensitivity;

namespace QuantCluster.Tests.Jobs;

public sealed class WorkerJobTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public async Task Who_opens_the_folder_does_the_items_of_a_run_to_the_same_bytes()
    {
        await RunAsync("local", new LocalEngine(1));
        Strangers strangers = new();
        await RunAsync("strangers", strangers);
        Assert.Equal(File.ReadAllBytes(_folder["local.onnx"]), File.ReadAllBytes(_folder["strangers.onnx"]));
        Assert.Equal(["calibrate-block", "estimate-ranges"], strangers.Kinds.Order());
    }

    [Fact]
    public async Task The_emitted_model_says_what_statistics_it_rests_on()
    {
        await RunAsync("local", new LocalEngine(1));
        string statistics = OnnxModel.Load(_folder["local.onnx"]).Proto.MetadataProps.Single(p => p.Key == "quantcluster.statistics").Value;
        Assert.Matches("^20 samples, sha256 [0-9a-f]{64}$", statistics);
    }

    [Fact]
    public async Task Who_opens_the_folder_evaluates_trials_to_the_same_bytes()
    {
        await MeasureAsync("local", new LocalEngine(1));
        Strangers strangers = new();
        await MeasureAsync("strangers", strangers);
        Assert.Equal(File.ReadAllBytes(_folder["local.json"]), File.ReadAllBytes(_folder["strangers.json"]));
        Assert.Contains("evaluate-trial", strangers.Kinds);
    }

    [Fact]
    public void A_folder_without_a_job_is_refused()
    {
        QuantException e = Assert.Throws<QuantException>(() => WorkerJob.Open(_folder["nothing"], 1, 1));
        Assert.Equal($"{_folder["nothing"]}: holds no job (no job.json). 'quant run' starts one.", e.Message);
    }

    [Fact]
    public async Task A_model_that_changed_since_is_refused()
    {
        await RunAsync("local", new LocalEngine(1));
        OnnxModel other = SensitivityNetworks.SingleLayer();
        other.Proto.DocString = "another";
        other.Save(_folder["model.onnx"]);
        QuantException e = Assert.Throws<QuantException>(() => WorkerJob.Open(_folder["local"], 1, 1));
        Assert.EndsWith("has changed since the job began. Start anew with 'quant run'.", e.Message);
    }

    public void Dispose() => _folder.Dispose();

    private async Task RunAsync(string name, IWorkEngine engine)
    {
        using JobSources sources = Open();
        using JobDirectory job = JobDirectory.Create(_folder[name], Specification(sources, name + ".onnx"));
        await new QuantizationJob(job, sources, engine).RunAsync(default);
    }

    private async Task MeasureAsync(string name, IWorkEngine engine)
    {
        using JobSources sources = Open();
        using JobDirectory job = JobDirectory.Create(_folder[name], Specification(sources, name + ".json") with { Sensitivity = SensitivitySettings.Default });
        await new SensitivityJob(job, sources, engine).RunAsync(default);
    }

    private JobSources Open()
    {
        SensitivityNetworks.SingleLayer().Save(_folder["model.onnx"]);
        return JobSources.Open(_folder["model.onnx"], null, null, Settings);
    }

    private static JobSettings Settings { get; } = new() { Synthetic = 20, Workers = 2, Threads = 2 };

    private JobSpecification Specification(JobSources sources, string output) => new()
    {
        Tool = QuantizationJob.ToolVersion,
        Model = sources.ModelInput,
        Output = _folder[output],
        Settings = Settings,
    };

    /// <summary>Every item is done by one who knows nothing but the job's folder.</summary>
    private sealed class Strangers : IWorkEngine
    {
        public string Name => "strangers";

        public HashSet<string> Kinds { get; } = [];

        public async IAsyncEnumerable<WorkResult> ExecuteAsync(
            JobContext job, IAsyncEnumerable<WorkItem> items, [EnumeratorCancellation] CancellationToken cancellation = default)
        {
            await foreach (WorkItem item in items.WithCancellation(cancellation))
            {
                Kinds.Add(item.Kind);
                using WorkerJob stranger = WorkerJob.Open(job.Folder, 1, 1);
                yield return new WorkResult(item, await stranger.ExecuteAsync(item, cancellation), null, 1, TimeSpan.Zero);
            }
        }
    }
}
