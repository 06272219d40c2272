using System.Diagnostics;

namespace QuantCluster.Tests;

public sealed class ResumeTests : IDisposable
{
    private readonly Workbench _bench = new(samples: 96);

    [Fact]
    public async Task Killed_at_random_instants_a_job_leaves_no_output_and_ends_in_the_same_bytes()
    {
        Stopwatch whole = Stopwatch.StartNew();
        Quant.Result reference = await Quant.RunAsync("run", _bench.Model, "--data", _bench.Spec, "--out", _bench["reference.onnx"], "--workers", "1");
        Assert.Equal(0, reference.Code);
        int milliseconds = (int)whole.ElapsedMilliseconds;
        byte[] expected = File.ReadAllBytes(_bench["reference.onnx"]);

        Random random = new();
        string job = _bench["job"];
        for (int kill = 0; kill < 8; kill++)
        {
            int after = random.Next(milliseconds / 10, milliseconds);
            using Process process = File.Exists(Path.Combine(job, "job.json")) ? Quant.Start("resume", job) : StartRun(job);
            if (!process.WaitForExit(after))
                process.Kill();
            await Quant.FinishAsync(process);
            if (!File.Exists(_bench.Out))
                continue;
            Assert.Equal(expected, File.ReadAllBytes(_bench.Out));
            File.Delete(_bench.Out);
        }

        Quant.Result end = File.Exists(Path.Combine(job, "job.json"))
            ? await Quant.RunAsync("resume", job, "--json")
            : await Quant.FinishAsync(StartRun(job));
        Assert.Equal("", end.Error);
        Assert.Equal(0, end.Code);
        Assert.Equal(expected, File.ReadAllBytes(_bench.Out));
        Assert.Empty(Directory.EnumerateFiles(Path.GetDirectoryName(_bench.Out)!, "*.quant-part"));
    }

    [Fact]
    public async Task Ctrl_C_stops_cleanly_and_says_how_to_go_on()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "skipped: sends a signal");
        string job = _bench["job"];
        using Process process = StartRun(job);
        while (!process.HasExited && !File.Exists(Path.Combine(job, "journal.jsonl")))
            await Task.Delay(5);
        Quant.Interrupt(process);
        Quant.Result stopped = await Quant.FinishAsync(process);
        Assert.Equal($"quant: stopped. What is finished is kept; go on with: quant resume {job}", stopped.Error);
        Assert.Equal((int)ExitCode.Cancelled, stopped.Code);
        Assert.False(File.Exists(_bench.Out));

        Assert.Equal(0, (await Quant.RunAsync("resume", job)).Code);
        Assert.True(File.Exists(_bench.Out));
    }

    [Fact]
    public async Task Whoever_asks_again_and_again_ends_the_process_at_once_and_it_says_so_once_and_does_not_crash()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "skipped: sends signals");
        int[] pauses = [0, 20, 35, 50, 90];
        Quant.Result[][] ends = await Task.WhenAll(Enumerable.Range(0, 2).Select(async lane =>
        {
            List<Quant.Result> own = [];
            foreach (int pause in pauses)
            {
                string job = _bench[$"job-{lane}-{pause}"], journal = Path.Combine(job, "journal.jsonl");
                using Process process = StartRun(job);
                Task<Quant.Result> end = Quant.FinishAsync(process);
                while (!end.IsCompleted && !(File.Exists(journal) && new FileInfo(journal).Length > 0))
                    await Task.Delay(5);
                for (; !end.IsCompleted; await Task.WhenAny(end, Task.Delay(pause)))
                    Quant.Terminate(process);
                own.Add(await end);
            }

            return own.ToArray();
        }));
        Assert.All(ends.SelectMany(e => e), e => Assert.Equal((int)ExitCode.Cancelled, e.Code));
        Assert.All(ends.SelectMany(e => e), e => Assert.Matches("^quant: stopped. What is finished is kept; go on with: quant resume [^ \n]+$", e.Error));
        Assert.False(File.Exists(_bench.Out));
        Assert.Empty(Directory.EnumerateFiles(Path.GetDirectoryName(_bench.Out)!, ".*"));
    }

    [Fact]
    public async Task A_job_whose_model_or_data_changed_is_not_resumed()
    {
        Assert.Equal(0, (await Quant.RunAsync("run", _bench.Model, "--data", _bench.Spec, "--out", _bench.Out, "--samples", "8", "--correct", "none")).Code);
        File.Delete(_bench.Out);
        float[] other = Workbench.Pictures(96);
        other[5] += 1;
        _bench.WriteFloats("data.npy", [96, 1, Workbench.Side, Workbench.Side], other);
        Quant.Result result = await Quant.RunAsync("resume", _bench["int8.job"]);
        Assert.Equal($"quant: {_bench.Spec}: has changed since the job began. Start anew with 'quant run'.", result.Error);
        Assert.Equal((int)ExitCode.BadData, result.Code);
        Assert.False(File.Exists(_bench.Out));
    }

    [Fact]
    public async Task A_folder_without_a_job_cannot_be_resumed()
    {
        Quant.Result result = await Quant.RunAsync("resume", _bench["nothing"]);
        Assert.Equal($"quant: {_bench["nothing"]}: holds no job (no job.json). 'quant run' starts one.", result.Error);
        Assert.Equal((int)ExitCode.Usage, result.Code);
    }

    public void Dispose() => _bench.Dispose();

    private Process StartRun(string job) => Quant.Start("run", _bench.Model, "--data", _bench.Spec, "--out", _bench.Out, "--job", job, "--json");
}
