using System.Diagnostics;
using System.Text.Json;
using QuantCluster.Onnx;

namespace QuantCluster.Tests.Cluster;

/// <summary>What a user does with a cluster, on each engine, by the real commands.</summary>
public abstract class ClusterCommandTests(LocalClusterBench bench)
{
    [Fact]
    public async Task A_job_is_watched_logged_listed_and_fetched_with_the_bytes_of_run()
    {
        Require();
        Quant.Result run = await Quant.RunAsync("run", bench.Files["apart.onnx"], "--data", bench.Files.Spec, "--out", bench.Files["alone.onnx"]);
        Assert.Equal(0, run.Code);

        string id = await bench.SubmitAsync("apart.onnx");
        Assert.Matches("^apart-[0-9a-f]{8}$", id);
        Quant.Result watch = await bench.RunAsync("watch", id);
        Assert.Equal((0, "finished"), (watch.Code, watch.Out.Split('\n')[^1]));
        Assert.Equal($"quant: finished; fetch the model with: quant fetch {id} --out OUT.onnx", watch.Error);

        using JsonDocument last = JsonDocument.Parse((await bench.RunAsync("watch", id, "--json")).MustSucceed().Split('\n')[^1]);
        Assert.Equal((id, "Finished"), (last.RootElement.GetProperty("job").GetString(), last.RootElement.GetProperty("phase").GetString()));
        string[] logged = (await bench.RunAsync("logs", id)).MustSucceed().Split('\n');
        Assert.Contains("begins the job on the ", logged[0]);
        Assert.EndsWith(": finished", logged[^1]);
        Assert.Contains(logged, l => l.Contains(": calibrate: 3 steps in ", StringComparison.Ordinal));
        Assert.Contains((await bench.RunAsync("jobs", "--json")).MustSucceed().Split('\n'), l => l.StartsWith($"{{\"job\":\"{id}\",\"phase\":\"Finished\"", StringComparison.Ordinal));
        Assert.Contains(id, (await bench.RunAsync("jobs")).MustSucceed());

        Quant.Result fetch = await bench.RunAsync("fetch", id[..8], "--out", "fetched.onnx", "--report", "fetched-report", "--json");
        Assert.Equal("", fetch.Error);
        using JsonDocument outcome = JsonDocument.Parse(fetch.Out);
        Assert.Equal(bench.Files["fetched.onnx"], outcome.RootElement.GetProperty("output").GetString());
        Assert.Equal(File.ReadAllBytes(bench.Files["alone.onnx"]), File.ReadAllBytes(bench.Files["fetched.onnx"]));
        Assert.True(File.Exists(bench.Files["fetched-report/report.html"]));
    }

    [Fact]
    public async Task A_frontier_comes_with_the_model()
    {
        Require();
        string id = await bench.SubmitAsync("model.onnx", "--correct", "none", "--frontier", "3");
        (await bench.RunAsync("watch", id)).MustSucceed();
        (await bench.RunAsync("fetch", id, "--out", "chosen.onnx")).MustSucceed();
        string[] models = Directory.GetFiles(bench.Files["chosen.frontier"]);
        Assert.InRange(models.Length, 1, 3);
        Assert.All(models, m => Assert.NotEmpty(OnnxModel.Load(m).Proto.Graph.Node));
        Assert.Equal(File.ReadAllBytes(bench.Files[$".quant-cluster/store/jobs/{id}/result/model.int8.frontier/1.onnx"]), File.ReadAllBytes(bench.Files["chosen.frontier/1.onnx"]));
    }

    [Fact]
    public async Task A_result_of_two_files_is_fetched_whole_under_its_new_name()
    {
        Require();
        string id = await bench.SubmitAsync("model.onnx", "--correct", "none");
        (await bench.RunAsync("watch", id)).MustSucceed();

        // As a result that passes 2 GB is written.
        string result = bench.Files[$".quant-cluster/store/jobs/{id}/result/model.int8.onnx"];
        OnnxModel whole = Workbench.Cnn();
        ExternalModel.Write(whole, result);
        (await bench.RunAsync("fetch", id, "--out", "two.onnx")).MustSucceed();
        Assert.True(File.Exists(bench.Files["two.onnx.data"]));
        File.Delete(result + ".data");
        Assert.Equal(whole.Proto.Graph.Initializer.Select(i => (i.Name, i.RawData)), OnnxModel.Load(bench.Files["two.onnx"]).Proto.Graph.Initializer.Select(i => (i.Name, i.RawData)));
        Assert.True(OnnxModel.Load(bench.Files["two.onnx"], readExternalData: false).KeepsDataApart);
    }

    [Fact]
    public async Task A_cancelled_job_stops_and_there_is_nothing_to_fetch()
    {
        Require();
        string id = await bench.SubmitAsync("model.onnx", "--effort", "thorough", "--frontier", "8");
        await UntilAsync(id, "Running");
        Assert.Equal($"quant: {id} is asked to stop.", (await bench.RunAsync("cancel", id)).Error);
        Assert.Equal((int)ExitCode.Cancelled, (await bench.RunAsync("watch", id)).Code);
        Quant.Result fetch = await bench.RunAsync("fetch", id, "--out", "none.onnx");
        Assert.Equal(((int)ExitCode.Cancelled, $"quant: {id}: cancelled"), (fetch.Code, fetch.Error));
        Assert.False(File.Exists(bench.Files["none.onnx"]));
    }

    [Fact]
    public async Task A_client_killed_while_it_watches_takes_no_job_with_it()
    {
        Require();
        using Process client = bench.Start("submit", "model.onnx", "--data", bench.Files.Spec, "--speed", "ignore", "--watch");
        string id = (await client.StandardOutput.ReadLineAsync())!;
        client.Kill();
        await client.WaitForExitAsync();
        await UntilAsync(id, "Finished");
        (await bench.RunAsync("fetch", id, "--out", "orphan.onnx")).MustSucceed();
    }

    [Fact]
    public async Task Who_is_there_is_shown_and_a_second_cluster_in_the_same_folder_is_refused()
    {
        Require();
        Assert.EndsWith("2 workers, 2 cores, 0 busy", System.Text.RegularExpressions.Regex.Replace((await bench.RunAsync("cluster")).MustSucceed(), "[0-9] busy$", "0 busy"));
        string[] status = (await bench.RunAsync("cluster", "status")).MustSucceed().Split('\n');
        Assert.Equal(4, status.Length);
        Assert.All(status[1..], l => Assert.EndsWith("runs", l));
        Quant.Result again = await bench.RunAsync("cluster", "up");
        Assert.Equal((int)ExitCode.Usage, again.Code);
        Assert.Contains("a cluster runs already", again.Error);
    }

    protected static void Require() => Assert.SkipUnless(LocalClusterBench.CanRun, "NOT TESTED: no redis-server on the PATH (Debian: apt-get install redis-server).");

    private async Task UntilAsync(string id, string phase)
    {
        for (long begun = Stopwatch.GetTimestamp(); ; await Task.Delay(20))
        {
            using JsonDocument state = JsonDocument.Parse(await File.ReadAllBytesAsync(bench.Files[$".quant-cluster/store/jobs/{id}/state.json"]));
            string now = state.RootElement.GetProperty("phase").GetString()!;
            if (now == phase)
                return;
            Assert.True(Stopwatch.GetElapsedTime(begun).TotalSeconds < 60, $"{id} is {now}, not {phase}");
        }
    }
}

public sealed class RedisClusterCommandTests(RedisClusterBench bench) : ClusterCommandTests(bench), IClassFixture<RedisClusterBench>;
