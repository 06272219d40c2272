using System.Runtime.CompilerServices;
using QuantCluster.Calibration;
using QuantCluster.Data;
using QuantCluster.Emission;
using QuantCluster.Jobs;
using QuantCluster.Onnx;
using QuantCluster.Planning;
using QuantCluster.Preparation;
using QuantCluster.Ranges;
using QuantCluster.Search;
using QuantCluster.Search.Sensitivity;
using QuantCluster.Tests.Jobs;
using QuantCluster.Tests.Planning;

namespace QuantCluster.Tests.Search.Sensitivity;

public sealed class SensitivityJobTests : IDisposable
{
    private const int Samples = 40;

    private readonly TemporaryFolder _folder = new();

    [Fact]
    public async Task Layers_on_both_sides_of_an_outlier_cost_most_alone()
    {
        SensitivityResult result = await MeasureAsync(SensitivityNetworks.Chain(outlier: 150));
        Assert.Equal("kl", result.Measure);
        Dictionary<string, double> alone = result.Layers.ToDictionary(l => l.Node, l => l.OnlyThis);
        Assert.Equal(["a", "b", "c", "classify", "d"], alone.Keys.Order());
        double sides = Math.Min(alone["a"], alone["b"]), others = new[] { alone["c"], alone["d"], alone["classify"] }.Max();
        Assert.True(sides > 5 * others, string.Join(", ", alone));
    }

    [Fact]
    public async Task Errors_are_those_of_the_emitted_models_whole()
    {
        OnnxModel model = SensitivityNetworks.Chain();
        SensitivityResult result = await MeasureAsync(model);

        using IDataset data = Open(model).Data;
        OnnxModel prepared = Preparer.Prepare(model, data.Read(0), new PreparationSettings()).Model;
        int[] samples = new SensitivitySettings { Samples = 16 }.Choose(Samples);
        Assert.Equal(samples, result.Samples);
        double ErrorOf(params string[] keepFloat)
        {
            QuantizationPlan all = Flow.PlanOf(prepared, data), plan = Flow.PlanOf(prepared, data, new PlanSettings { KeepFloat = keepFloat.ToHashSet() });
            CalibrationStatistics statistics = Calibrator.Calibrate(
                prepared, [.. all.Points.Select(p => new TapRequest(p.Tensor))], data, new CalibrationSettings(), null, CancellationToken.None);
            OnnxModel candidate = Emitter.Emit(prepared, plan, RangeSelection.Choose(prepared, plan, statistics, RangeSettings.Default));
            return new WholeModelError(prepared, data, samples, 1).Measure(candidate, CancellationToken.None).Average();
        }

        LayerSensitivity c = result.Layers.Single(l => l.Node == "c");
        Assert.Equal(ErrorOf(), result.AllQuantized);
        Assert.Equal(ErrorOf("a", "b", "d", "classify"), c.OnlyThis);
        Assert.Equal(ErrorOf("c"), c.AllButThis);
        Assert.Equal(result.AllQuantized - c.AllButThis, c.Relief, 1e-12);
        Assert.InRange(c.OnlyThisStandardError, 1e-12, c.OnlyThis);
    }

    [Fact]
    public async Task Any_number_of_workers_and_threads_gives_the_same_bytes()
    {
        OnnxModel model = SensitivityNetworks.Chain();
        byte[] one = SensitivityFile.ToBytes(await MeasureAsync(model, new LocalEngine(1), "one", workers: 1, samples: 40));
        byte[] three = SensitivityFile.ToBytes(await MeasureAsync(model, new LocalEngine(3), "three", workers: 3, samples: 40));
        Assert.Equal(one, three);
    }

    [Fact]
    public async Task A_stopped_measurement_repeats_no_finished_trial()
    {
        OnnxModel model = SensitivityNetworks.Chain();
        byte[] whole = SensitivityFile.ToBytes(await MeasureAsync(model));
        Counting engine = new();
        using CancellationTokenSource stop = new();
        engine.AfterTrials = (4, stop.Cancel);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => MeasureAsync(model, engine, "stopped", cancellation: stop.Token));
        int finished = engine.Trials;
        Assert.InRange(finished, 4, 10);

        engine.AfterTrials = (int.MaxValue, () => { });
        engine.Trials = 0;
        byte[] resumed = SensitivityFile.ToBytes(await MeasureAsync(model, engine, "stopped"));
        Assert.Equal(whole, resumed);
        Assert.InRange(engine.Trials, 11 - finished, 12 - finished);

        engine.Trials = 0;
        await MeasureAsync(model, engine, "stopped");
        Assert.Equal(0, engine.Trials);
    }

    [Fact]
    public async Task Without_its_only_layer_a_model_has_no_error()
    {
        SensitivityResult result = await MeasureAsync(SensitivityNetworks.SingleLayer());
        LayerSensitivity layer = Assert.Single(result.Layers);
        Assert.Equal("relative-squared", result.Measure);
        Assert.Equal(0, layer.AllButThis);
        Assert.True(layer.OnlyThis > 0);
        Assert.Equal(result.AllQuantized, layer.OnlyThis);
        Assert.Null(result.Agreement);
    }

    [Fact]
    public async Task A_folder_of_another_kind_of_job_is_refused()
    {
        await MeasureAsync(SensitivityNetworks.SingleLayer());
        using JobSources sources = JobSources.Open(_folder["model.onnx"], null, null, Settings(1));
        QuantException e = Assert.Throws<QuantException>(() => JobDirectory.Create(_folder["job"], Specification(sources, 1, 16) with { Sensitivity = null }));
        Assert.Equal($"{_folder["job"]}: holds a job of 'quant sensitivity'. Choose another --job folder.", e.Message);
    }

    public void Dispose() => _folder.Dispose();

    private static JobSettings Settings(int workers) => new() { Synthetic = Samples, Workers = workers, Threads = 2 };

    private static JobSpecification Specification(JobSources sources, int workers, int samples) => new()
    {
        Tool = QuantizationJob.ToolVersion,
        Model = sources.ModelInput,
        Output = "",
        Settings = Settings(workers),
        Sensitivity = new SensitivitySettings { Samples = samples },
    };

    private JobSources Open(OnnxModel model)
    {
        model.Save(_folder["model.onnx"]);
        return JobSources.Open(_folder["model.onnx"], null, null, Settings(1));
    }

    private async Task<SensitivityResult> MeasureAsync(
        OnnxModel model, IWorkEngine? engine = null, string job = "job", int workers = 2, int samples = 16, CancellationToken cancellation = default)
    {
        using JobSources sources = Open(model);
        using JobDirectory directory = JobDirectory.Create(_folder[job], Specification(sources, workers, samples));
        return await new SensitivityJob(directory, sources, engine ?? new LocalEngine(workers)).RunAsync(cancellation);
    }

    /// <summary>The local engine, counting the trials it is given results of.</summary>
    private sealed class Counting : IWorkEngine
    {
        private readonly LocalEngine _local = new(1);

        public string Name => _local.Name;

        public int Trials { get; set; }

        public (int Trials, Action Do) AfterTrials { get; set; } = (int.MaxValue, () => { });

        public async IAsyncEnumerable<WorkResult> ExecuteAsync(
            JobContext job, IAsyncEnumerable<WorkItem> items, [EnumeratorCancellation] CancellationToken cancellation = default)
        {
            await foreach (WorkResult result in _local.ExecuteAsync(job, items, cancellation))
            {
                bool trial = result.Item.Kind == "evaluate-trial";
                if (trial)
                    Trials++;
                yield return result;
                if (trial && Trials == AfterTrials.Trials)
                    AfterTrials.Do();
            }
        }
    }
}
