using System.Text.Json;

namespace QuantCluster.Tests;

/// <summary>The commands around <c>quant run</c>, as a user calls them.</summary>
public sealed class ToolCommandTests : IDisposable
{
    private readonly Workbench _bench = new();

    [Fact]
    public async Task Calibrate_writes_statistics_that_stats_shows()
    {
        Quant.Result calibrate = await Quant.RunAsync("calibrate", _bench.Model, "--data", _bench.Spec, "--out", _bench["model.stats"], "--json");
        Assert.Equal("", calibrate.Error);
        Assert.Equal(0, calibrate.Code);
        using JsonDocument json = JsonDocument.Parse(calibrate.Out);
        Assert.Equal(24, json.RootElement.GetProperty("samples").GetInt32());
        Assert.Equal(0, json.RootElement.GetProperty("not_finite").GetInt64());

        Quant.Result table = await Quant.RunAsync("stats", _bench["model.stats"]);
        Assert.Equal(0, table.Code);
        Assert.Contains("conv1_act", table.Out);
        Quant.Result tensor = await Quant.RunAsync("stats", _bench["model.stats"], "conv1_act");
        Assert.Equal(0, tensor.Code);
        Quant.Result unknown = await Quant.RunAsync("stats", _bench["model.stats"], "no_such_tensor");
        Assert.NotEqual(0, unknown.Code);
        Assert.Contains("no_such_tensor", unknown.Error);
    }

    [Fact]
    public async Task Figures_by_channel_are_gathered_and_shown_when_asked_for()
    {
        Assert.Equal(0, (await Quant.RunAsync("calibrate", _bench.Model, "--data", _bench.Spec, "--out", _bench["model.stats"], "--channels")).Code);
        Quant.Result shown = await Quant.RunAsync("stats", _bench["model.stats"], "conv1_act", "--json");
        using JsonDocument json = JsonDocument.Parse(shown.Out);
        JsonElement tensor = json.RootElement.GetProperty("tensors")[0], channels = tensor.GetProperty("channels");
        Assert.Equal(1, channels.GetProperty("axis").GetInt32());
        Assert.Equal(16, channels.GetProperty("mean").GetArrayLength());
        Assert.Equal(tensor.GetProperty("minimum").GetSingle(), channels.GetProperty("minimum").EnumerateArray().Min(v => v.GetSingle()));
        Assert.Equal(tensor.GetProperty("maximum").GetSingle(), channels.GetProperty("maximum").EnumerateArray().Max(v => v.GetSingle()));
        Assert.Contains("16 channels on axis 1: narrowest", (await Quant.RunAsync("stats", _bench["model.stats"], "conv1_act")).Out);
    }

    [Fact]
    public async Task Reused_statistics_give_the_same_model_as_a_pass_of_its_own()
    {
        Assert.Equal(0, (await Quant.RunAsync("calibrate", _bench.Model, "--data", _bench.Spec, "--out", _bench["model.stats"])).Code);
        Assert.Equal(0, (await Quant.RunAsync("run", _bench.Model, "--data", _bench.Spec, "--out", _bench["a.onnx"])).Code);
        Quant.Result reused = await Quant.RunAsync("run", _bench.Model, "--data", _bench.Spec, "--out", _bench["b.onnx"], "--statistics", _bench["model.stats"]);
        Assert.Equal("", reused.Error);
        Assert.Equal(File.ReadAllBytes(_bench["a.onnx"]), File.ReadAllBytes(_bench["b.onnx"]));
    }

    [Fact]
    public async Task Statistics_of_something_else_are_refused()
    {
        _bench.WriteSpec("other.stats", """{ "format": "quantcluster.statistics/1", "samples": 1, "tensors": [] }""");
        Quant.Result other = await Quant.RunAsync("run", _bench.Model, "--data", _bench.Spec, "--out", _bench.Out, "--statistics", _bench["other.stats"]);
        Assert.Equal((int)ExitCode.BadData, other.Code);
        Assert.Equal(
            $"quant: {_bench["other.stats"]}: has no statistics of tensor 'input': it was made of another model. Make it anew with 'quant calibrate', or leave --statistics out.", other.Error);
        Quant.Result broken = await Quant.RunAsync("run", _bench.Model, "--data", _bench.Spec, "--out", _bench.Out, "--statistics", _bench.Spec);
        Assert.Equal((int)ExitCode.BadData, broken.Code);
        Assert.Contains("not a statistics file", broken.Error);
        Assert.False(File.Exists(_bench.Out));
    }

    [Fact]
    public async Task Verify_takes_a_bare_file_and_says_what_it_assumed()
    {
        Assert.Equal(0, (await Quant.RunAsync("run", _bench.Model, "--data", _bench.Spec, "--out", _bench.Out, "--method", "minmax", "--correct", "none")).Code);
        Quant.Result verify = await Quant.RunAsync("verify", _bench.Model, _bench.Out, "--data", _bench["data.npy"], "--no-latency", "--json");
        Assert.Equal(0, verify.Code);
        using JsonDocument json = JsonDocument.Parse(verify.Out);
        Assert.Equal(JsonValueKind.Object, json.RootElement.ValueKind);
        Assert.StartsWith("quant: ", verify.Error);
    }

    [Fact]
    public async Task Verify_fails_a_gate_that_is_not_met()
    {
        Assert.Equal(0, (await Quant.RunAsync("run", _bench.Model, "--data", _bench.Spec, "--out", _bench.Out, "--method", "minmax", "--correct", "none")).Code);
        Quant.Result verify = await Quant.RunAsync("verify", _bench.Model, _bench.Out, "--data", _bench.Spec, "--no-latency", "--min-sqnr", "120");
        Assert.Equal((int)ExitCode.GateNotMet, verify.Code);
        Assert.Contains("gate not met", verify.Error);
    }

    [Fact]
    public async Task Lint_finds_an_emitted_model_clean_and_the_float_one_without_integers()
    {
        Assert.Equal(0, (await Quant.RunAsync("run", _bench.Model, "--data", _bench.Spec, "--out", _bench.Out, "--method", "minmax", "--correct", "none")).Code);
        Quant.Result lint = await Quant.RunAsync("lint", _bench.Out, "--strict");
        Assert.Equal(0, lint.Code);
        Assert.Contains("4 of 4 compute layers run on integers; 0 traps", lint.Out);
    }

    public void Dispose() => _bench.Dispose();
}
