using System.Text.Json;
using QuantCluster.Onnx;

namespace QuantCluster.Tests;

public sealed class RunTests : IDisposable
{
    private readonly Workbench _bench = new();

    [Fact]
    public async Task Run_writes_a_model_and_one_JSON_object_with_every_documented_member()
    {
        _bench.WriteIntegers("labels.npy", [24], [.. Enumerable.Range(0, 24).Select(i => (long)i % Workbench.Classes)]);
        _bench.WriteSpec("eval.json", """{"inputs": {"input": {"file": "data.npy"}}, "labels": "labels.npy", "metric": "top1"}""");
        Quant.Result result = await Quant.RunAsync("run", _bench.Model, "--data", _bench.Spec, "--eval", _bench["eval.json"], "--out", _bench.Out, "--report", _bench["report"], "--json");

        Assert.Equal("", result.Error);
        Assert.Equal(0, result.Code);
        using JsonDocument json = JsonDocument.Parse(result.Out);
        JsonElement root = json.RootElement;
        Assert.Equal(_bench.Out, root.GetProperty("output").GetString());
        Assert.Equal(new FileInfo(_bench.Out).Length, root.GetProperty("bytes").GetInt64());
        Assert.InRange(root.GetProperty("sqnr_db").GetDouble(), 15, 80);
        Assert.InRange(root.GetProperty("agreement").GetDouble(), 80, 100);
        Assert.InRange(root.GetProperty("metric").GetDouble(), 0, 100);
        Assert.InRange(root.GetProperty("fp32_metric").GetDouble(), 0, 100);
        double latency = root.GetProperty("latency_ms").GetDouble(), reference = root.GetProperty("fp32_latency_ms").GetDouble();
        Assert.Equal(reference / latency, root.GetProperty("speedup").GetDouble(), 6);
        Assert.Equal(
            ["prepare", "plan", "calibrate", "ranges", "correct", "emit", "verify"],
            root.GetProperty("seconds").EnumerateObject().Select(s => s.Name));
        Assert.InRange(root.GetProperty("peak_rss_mb").GetDouble(), 20, 1000);
        string[] layers = [.. root.GetProperty("layers").GetProperty("quantized").EnumerateArray().Select(l => l.GetProperty("name").GetString()!)];
        Assert.Equal(["conv1", "conv2", "conv3", "classify"], layers);
        Assert.Empty(root.GetProperty("layers").GetProperty("float").EnumerateArray());
        Assert.Equal(Path.Combine(_bench["report"], "report.html"), root.GetProperty("report").GetString());
        Assert.True(File.Exists(root.GetProperty("report").GetString()));
    }

    [Fact]
    public async Task Piped_output_is_a_plain_table_and_stderr_stays_quiet()
    {
        Quant.Result result = await Quant.RunAsync("run", _bench.Model, "--data", _bench.Spec, "--out", _bench.Out, "--method", "minmax", "--correct", "none");
        Assert.Equal("", result.Error);
        Assert.Contains("layers   4 on integers, 0 float", result.Out);
        Assert.Contains("note     verified on the calibration data, which flatters: give held-out data with --eval.", result.Out);
        Assert.DoesNotContain("\e", result.Out);
    }

    [Fact]
    public async Task Weights_clipped_by_their_squared_error_have_finer_scales()
    {
        async Task<Dictionary<string, float[]>> ScalesAsync(string range)
        {
            Quant.Result result = await Quant.RunAsync(
                "run", _bench.Model, "--data", _bench.Spec, "--out", _bench.Out, "--method", "minmax", "--weight-range", range, "--correct", "none", "--speed", "ignore");
            Assert.Equal((0, ""), (result.Code, result.Error));
            return OnnxModel.Load(_bench.Out).Proto.Graph.Initializer.Where(i => i.DataType == (int)ElementType.Float).ToDictionary(i => i.Name, i => i.ToFloats());
        }

        Dictionary<string, float[]> whole = await ScalesAsync("minmax"), clipped = await ScalesAsync("mse");
        Assert.Equal(whole.Keys.Order(), clipped.Keys.Order());
        Assert.All(whole, scale => Assert.All(scale.Value.Zip(clipped[scale.Key]), pair => Assert.True(pair.Second <= pair.First)));
        Assert.Contains(whole, scale => scale.Value.Zip(clipped[scale.Key]).Any(pair => pair.Second < pair.First));
    }

    [Fact]
    public async Task Another_model_to_the_same_output_begins_a_job_of_its_own()
    {
        Assert.Equal(0, (await Quant.RunAsync("run", _bench.Model, "--data", _bench.Spec, "--out", _bench.Out, "--method", "minmax", "--correct", "none")).Code);
        File.WriteAllBytes(_bench["other.onnx"], Workbench.Cnn(batch: 1).ToBytes());
        Quant.Result other = await Quant.RunAsync("run", _bench["other.onnx"], "--data", _bench.Spec, "--out", _bench.Out, "--method", "minmax", "--correct", "none");
        Assert.Equal("", other.Error);
        Assert.Equal(0, other.Code);
    }

    [Fact]
    public async Task The_number_of_threads_and_workers_does_not_change_a_byte()
    {
        byte[]? first = null;
        foreach ((string threads, string workers) in new[] { ("1", "1"), ("2", "3") })
        {
            Quant.Result result = await Quant.RunAsync("run", _bench.Model, "--data", _bench.Spec, "--out", _bench.Out, "--job", _bench[$"job{workers}"], "--threads", threads, "--workers", workers);
            Assert.Equal(0, result.Code);
            byte[] bytes = File.ReadAllBytes(_bench.Out);
            Assert.Equal(first ??= bytes, bytes);
        }
    }

    [Fact]
    public async Task A_last_batch_of_another_size_simply_works()
    {
        File.WriteAllBytes(_bench.Model, Workbench.Cnn(batch: 5).ToBytes());
        Quant.Result result = await Quant.RunAsync("run", _bench.Model, "--data", _bench.Spec, "--out", _bench.Out, "--json");
        Assert.Equal("", result.Error);
        Assert.Equal(0, result.Code);
        Assert.True(File.Exists(_bench.Out));
    }

    [Fact]
    public async Task A_gate_that_is_not_met_leaves_nothing_at_the_output_and_has_its_own_exit_code()
    {
        Quant.Result result = await Quant.RunAsync("run", _bench.Model, "--data", _bench.Spec, "--out", _bench.Out, "--min-sqnr", "200");
        Assert.Equal((int)ExitCode.GateNotMet, result.Code);
        Assert.Matches($@"^quant: SQNR is \d+\.\d\d dB; at least 200 dB are asked for\. Nothing was written to {_bench.Out}; the report is {_bench["int8.job/report/report.html"]}\.$", result.Error);
        Assert.False(File.Exists(_bench.Out));
    }

    [Fact]
    public async Task Fewer_samples_are_judged_by_their_own_labels()
    {
        Quant.Result result = await Quant.RunAsync("run", _bench.Model, "--data", _bench.Spec, "--samples", "3", "--out", _bench.Out);
        Assert.Equal("", result.Error);
        Assert.Equal(0, result.Code);
    }

    [Fact]
    public async Task Synthetic_data_is_possible_on_request_and_marked()
    {
        Quant.Result result = await Quant.RunAsync("run", _bench.Model, "--synthetic", "8", "--out", _bench.Out);
        Assert.Equal(0, result.Code);
        Assert.Contains("note     calibrated on synthetic data: ranges and figures say nothing about real inputs. Give --data.", result.Out);
    }

    [Fact]
    public async Task A_second_run_with_another_method_uses_the_statistics_of_the_first()
    {
        Assert.Equal(0, (await Quant.RunAsync("run", _bench.Model, "--data", _bench.Spec, "--out", _bench.Out, "--correct", "none")).Code);
        string journal = _bench["int8.job/journal.jsonl"];
        int blocks = File.ReadLines(journal).Count(l => l.Contains("calibrate-block"));
        Assert.Equal(3, blocks);
        Assert.Equal(0, (await Quant.RunAsync("run", _bench.Model, "--data", _bench.Spec, "--out", _bench.Out, "--correct", "none", "--method", "minmax")).Code);
        Assert.Equal(blocks, File.ReadLines(journal).Count(l => l.Contains("calibrate-block")));
        Assert.Equal(2, File.ReadLines(journal).Count(l => l.Contains("\"emit\"")));
    }

    public void Dispose() => _bench.Dispose();
}
