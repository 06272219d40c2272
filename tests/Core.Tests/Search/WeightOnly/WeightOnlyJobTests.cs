using QuantCluster.Corrections;
using QuantCluster.Jobs;
using QuantCluster.Onnx;
using QuantCluster.Tests.Jobs;
using QuantCluster.Tests.Planning;

namespace QuantCluster.Tests.Search.WeightOnly;

public sealed class WeightOnlyJobTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public async Task A_layer_that_stays_float_has_its_weight_stored_as_integers_where_the_error_allows_it()
    {
        // The model's output is a layer's: it cannot run on integers. Beside 4 bits an error of 8 is small.
        JobSettings coarse = new() { Weights = WeightType.Int4 };
        JobOutcome stored = await RunAsync("stored", coarse), plain = await RunAsync("plain", coarse with { FloatWeights = FloatWeights.Float });
        Assert.Equal("y", Assert.Single(stored.Layers.WeightOnly).Name);
        Assert.Empty(stored.Layers.Float);
        Assert.Equal("y", Assert.Single(plain.Layers.Float).Name);
        Assert.InRange(stored.Bytes, 0, plain.Bytes - 2500);
        Assert.InRange(stored.SqnrDb!.Value, plain.SqnrDb!.Value - 1, double.MaxValue);
        Assert.Contains("INT8 weights", File.ReadAllText(_folder["stored/report/report.html"]));
    }

    [Fact]
    public async Task What_a_user_keeps_float_stays_float_altogether_unless_all_weights_are_asked_for()
    {
        JobOutcome kept = await RunAsync("kept", new JobSettings { KeepFloat = ["b"] });
        Assert.Contains(kept.Layers.Float, l => l.Name == "b");
        JobOutcome all = await RunAsync("all", new JobSettings { KeepFloat = ["b"], FloatWeights = FloatWeights.Int8 });
        Assert.Equal(["b", "y"], all.Layers.WeightOnly.Select(l => l.Name).Order(StringComparer.Ordinal));
        Assert.Empty(all.Layers.Float);
    }

    [Fact]
    public async Task The_choice_does_not_depend_on_workers_and_is_not_made_twice()
    {
        await RunAsync("one", new JobSettings { Workers = 1, Threads = 1 });
        await RunAsync("two", new JobSettings { Workers = 2, Threads = 2 });
        Assert.Equal(File.ReadAllBytes(_folder["one.onnx"]), File.ReadAllBytes(_folder["two.onnx"]));
        int lines = File.ReadLines(_folder["two/journal.jsonl"]).Count();
        await RunAsync("two", new JobSettings { Workers = 2, Threads = 2 });
        Assert.Equal(lines, File.ReadLines(_folder["two/journal.jsonl"]).Count());
    }

    public void Dispose() => _folder.Dispose();

    private Task<JobOutcome> RunAsync(string name, JobSettings settings)
    {
        Network network = new(7);
        string x = network.Relu("ra", network.Conv("a", network.Input("x", 1, 3, 8, 8), 3, 8));
        x = network.Relu("rb", network.Conv("b", x, 8, 8));
        OnnxModel model = network.Build(network.Conv("y", x, 8, 16));
        return ModelJob.RunAsync(_folder, name, model, settings with { Correct = CorrectionMode.None, Synthetic = 24, Speed = SpeedMode.Ignore });
    }
}
