using QuantCluster.Corrections;
using QuantCluster.Emission.Lint;
using QuantCluster.Jobs;
using QuantCluster.Onnx;
using QuantCluster.Search.Frontier;
using QuantCluster.Tests.Jobs;
using QuantCluster.Tests.Search.Sensitivity;

namespace QuantCluster.Tests.Search.Frontier;

public sealed class FrontierJobTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public async Task A_frontier_has_models_none_of_which_is_better_in_everything()
    {
        JobOutcome outcome = await RunAsync(new JobSettings { Frontier = 4 });
        FrontierResult frontier = FrontierFile.Load(_folder["job"]);
        Assert.InRange(frontier.Points.Count, 2, 4);
        Assert.Equal(Enumerable.Range(1, frontier.Points.Count), frontier.Points.Select(p => p.Number));
        Assert.Equal(frontier.Points.Count, ParetoFront.Of(frontier.Points, p => p.Cost).Count);
        Assert.Empty(frontier.SearchSamples.Intersect(frontier.ValidationSamples));
        Assert.Equal(5, frontier.Sensitivity.Count);
        foreach (FrontierPoint point in frontier.Points)
        {
            string path = _folder[$"job.frontier/{point.Number}.onnx"];
            Assert.Equal(point.Bytes, new FileInfo(path).Length);
            Assert.Equal(5, point.Quantized.Count + point.BackToFloat.Count);
            LintReport lint = Linter.Lint(OnnxModel.Load(path));
            Assert.All(lint.Nodes, n => Assert.True(n.Agrees, $"{n}"));
            Assert.False(lint.HasTraps, string.Join('\n', lint.Findings));
        }

        byte[] chosen = File.ReadAllBytes(_folder["job.onnx"]);
        Assert.Contains(frontier.Points, p => chosen.AsSpan().SequenceEqual(File.ReadAllBytes(_folder[$"job.frontier/{p.Number}.onnx"])));
        Assert.Contains(outcome.Notes, n => n.Contains("point"));
        Assert.StartsWith("<svg", File.ReadAllText(_folder["job/report/frontier.svg"]));
    }

    [Fact]
    public async Task A_job_that_goes_on_finds_its_timings_in_the_journal_and_ends_in_the_same_bytes()
    {
        JobSettings settings = new() { Frontier = 3 };
        await RunAsync(settings);
        byte[] model = File.ReadAllBytes(_folder["job.onnx"]), frontier = File.ReadAllBytes(_folder["job/frontier.json"]);
        int finished = File.ReadLines(_folder["job/journal.jsonl"]).Count();
        await RunAsync(settings);
        Assert.Equal(model, File.ReadAllBytes(_folder["job.onnx"]));
        Assert.Equal(frontier, File.ReadAllBytes(_folder["job/frontier.json"]));
        Assert.Equal(finished, File.ReadLines(_folder["job/journal.jsonl"]).Count());
    }

    [Fact]
    public async Task A_size_that_no_model_keeps_to_is_an_unmet_gate()
    {
        QuantException e = await Assert.ThrowsAsync<QuantException>(() => RunAsync(new JobSettings { MaximumSize = new Limit(0.01, true) }));
        Assert.Equal(ExitCode.GateNotMet, e.Code);
        Assert.Contains("models with some layers on integers keeps to what was asked for", e.Message);
        Assert.Matches(@"the nearest \(\d layers on integers\) has [\d.]+ kB; at most 0\.\d kB are allowed\. Nothing was written to", e.Message);
        Assert.False(File.Exists(_folder["job.onnx"]));
    }

    [Fact]
    public async Task Where_integers_do_not_pay_layers_go_back_to_float_or_the_program_says_that_float_is_best()
    {
        // Networks this small are slower on integers on every machine; whether one of their layers alone pays differs.
        try
        {
            JobOutcome outcome = await RunAsync(new JobSettings { Speed = SpeedMode.Auto });
            Assert.True(outcome.Layers.Float.Count > 0 || outcome.Speedup > 0.9, $"{outcome.Speedup}");
        }
        catch (QuantException e)
        {
            Assert.Equal(ExitCode.FloatIsBest, e.Code);
            Assert.StartsWith("float is best here: of ", e.Message);
            Assert.False(File.Exists(_folder["job.onnx"]));
        }
    }

    [Fact]
    public async Task Layers_a_user_keeps_float_stay_float_on_every_point()
    {
        JobOutcome outcome = await RunAsync(new JobSettings { Frontier = 3, KeepFloat = ["b"] });
        Assert.Contains(outcome.Layers.Float, l => l.Name == "b" && l.Reason == "kept float by the configuration");
        Assert.All(FrontierFile.Load(_folder["job"]).Points, p => Assert.DoesNotContain("b", p.Quantized));
        QuantException e = await Assert.ThrowsAsync<QuantException>(() => RunAsync(new JobSettings { KeepFloat = ["nobody"] }));
        Assert.Equal("--keep-float: the model has no layer 'nobody'. 'quant inspect MODEL' lists them.", e.Message);
    }

    [Fact]
    public async Task Without_timings_every_layer_stays_on_integers()
    {
        JobOutcome outcome = await RunAsync(new JobSettings());
        Assert.Empty(outcome.Layers.Float);
        Assert.False(File.Exists(_folder["job/frontier.json"]));
    }

    public void Dispose() => _folder.Dispose();

    private Task<JobOutcome> RunAsync(JobSettings settings) => ModelJob.RunAsync(
        _folder, "job", SensitivityNetworks.Chain(outlier: 20),
        settings with { Correct = settings.Frontier == 4 ? CorrectionMode.Auto : CorrectionMode.None, Synthetic = 24, Workers = 2, Threads = 2 });
}
