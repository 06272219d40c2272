using System.Text.Json;

namespace QuantCluster.Tests;

public sealed class FrontierTests : IDisposable
{
    private readonly Workbench _bench = new();

    [Fact]
    public async Task A_frontier_is_made_shown_drawn_and_picked_from()
    {
        Quant.Result run = await Quant.RunAsync("run", _bench.Model, "--data", _bench.Spec, "--out", _bench.Out, "--job", _bench["job"], "--frontier", "3", "--correct", "none");
        Assert.Equal("", run.Error);
        Assert.Equal(0, run.Code);

        Quant.Result shown = await Quant.RunAsync("frontier", _bench["job"], "--svg", _bench["frontier.svg"]);
        Assert.Equal("", shown.Error);
        Assert.Contains("pick     quant pick", shown.Out);
        Assert.StartsWith("<svg xmlns=", File.ReadAllText(_bench["frontier.svg"]));
        using JsonDocument json = JsonDocument.Parse((await Quant.RunAsync("frontier", _bench["job"], "--json")).Out);
        Assert.Equal("quantcluster.frontier/1", json.RootElement.GetProperty("format").GetString());
        int points = json.RootElement.GetProperty("points").GetArrayLength();

        Quant.Result pick = await Quant.RunAsync("pick", _bench["job"], $"{points}", "--out", _bench["picked.onnx"]);
        Assert.Equal(0, pick.Code);
        Assert.StartsWith($"{_bench["picked.onnx"]}: point {points}, ", pick.Out);
        Assert.Equal(File.ReadAllBytes(_bench[$"int8.frontier/{points}.onnx"]), File.ReadAllBytes(_bench["picked.onnx"]));

        Quant.Result none = await Quant.RunAsync("pick", _bench["job"], "99", "--out", _bench["none.onnx"]);
        Assert.Equal((int)ExitCode.Usage, none.Code);
        Assert.Equal($"quant: {_bench["job"]}: its frontier has points 1 to {points}, not 99. 'quant frontier {_bench["job"]}' shows them.", none.Error);
    }

    [Fact]
    public async Task A_job_without_a_frontier_says_how_to_make_one()
    {
        Assert.Equal(0, (await Quant.RunAsync("run", _bench.Model, "--data", _bench.Spec, "--out", _bench.Out, "--correct", "none")).Code);
        Quant.Result result = await Quant.RunAsync("frontier", _bench["int8.job"]);
        Assert.Equal((int)ExitCode.Usage, result.Code);
        Assert.Equal($"quant: {_bench["int8.job"]}: has no frontier yet. Make it with the job's own 'quant run' command and --frontier 8; what is finished is not done again.", result.Error);
    }

    [Fact]
    public async Task Limits_that_are_none_are_refused()
    {
        Quant.Result result = await Quant.RunAsync("run", _bench.Model, "--data", _bench.Spec, "--out", _bench.Out, "--max-size", "small");
        Assert.Equal((int)ExitCode.Usage, result.Code);
        Assert.StartsWith("quant: --max-size needs a number above 0, with GB, MB, kB, B or %, not 'small'.", result.Error);
    }

    public void Dispose() => _bench.Dispose();
}
