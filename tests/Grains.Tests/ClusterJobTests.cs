using QuantCluster.Cluster;
using QuantCluster.Grains;
using QuantCluster.Jobs;
using QuantCluster.Tests.Jobs;

namespace QuantCluster.Tests;

/// <summary>Whole jobs on silos as users run them: the same bytes as on one machine, whatever dies.</summary>
public sealed class ClusterJobTests : IDisposable
{
    private readonly TemporaryFolder _local = new();

    public void Dispose() => _local.Dispose();

    [Fact]
    public async Task One_two_and_three_silos_and_one_whose_coordinator_was_killed_give_the_bytes_of_a_single_machine()
    {
        RedisServer.SkipUnlessInstalled();
        byte[] expected = await RunLocallyAsync();
        await using TestCluster cluster = await TestCluster.StartAsync(1, TestCluster.Silo);
        Assert.Equal(expected, await ResultAsync(cluster, Submit(cluster)));
        await cluster.AddAsync();
        Assert.Equal(expected, await ResultAsync(cluster, Submit(cluster)));
        await cluster.AddAsync();
        Assert.Equal(expected, await ResultAsync(cluster, Submit(cluster)));

        StoredJob job = Submit(cluster);
        await cluster.Client.AnnounceAsync(job.Id);
        await WaitAsync(job, s => s.Stage is "calibrate" or "ranges" or "correct" or "trials" || s.IsOver, cluster);
        string coordinator = (await cluster.Client.Grains.GetGrain<ICoordinatorGrain>(job.Id).DescribeAsync()).Silo;
        cluster.Kill(cluster.Silos.Single(s => s.Name == coordinator));

        // No one asks after it: the reminder brings it back.
        await WaitAsync(job, s => s.IsOver, cluster);
        JobState state = job.ReadState();
        Assert.True(state.Phase == JobPhase.Finished, $"{state.Message}\n{cluster.Output}");
        Assert.True(state.Coordinators >= 2, $"{state.Coordinators} coordinators");
        Assert.Equal(expected, ResultOf(job));
        AssertNothingTwice(job);
    }

    [Fact]
    public async Task A_job_no_one_was_told_of_is_found_and_one_that_is_cancelled_stops()
    {
        RedisServer.SkipUnlessInstalled();
        await using TestCluster cluster = await TestCluster.StartAsync(1, TestCluster.Silo);
        StoredJob found = Submit(cluster);
        await WaitAsync(found, s => s.Phase == JobPhase.Finished, cluster);
        StoredJob cancelled = Submit(cluster);
        cancelled.Cancel();
        await cluster.Client.AnnounceAsync(cancelled.Id);
        await WaitAsync(cancelled, s => s.Phase == JobPhase.Cancelled, cluster);
        using HttpClient http = new();
        Assert.Equal("Active\n", await http.GetStringAsync($"http://127.0.0.1:{cluster.Silos[0].HttpPort}/health/ready"));
        Assert.Equal("Active\n", await http.GetStringAsync($"http://127.0.0.1:{cluster.Silos[0].HttpPort}/health/live"));
    }

    [Fact]
    public async Task Layer_grains_merge_the_statistics_of_all_shards_to_the_bytes_of_one_process()
    {
        RedisServer.SkipUnlessInstalled();
        await using TestCluster cluster = await TestCluster.StartAsync(2, TestCluster.Silo);
        StoredJob job = Submit(cluster);
        await ResultAsync(cluster, job);

        // As a job with larger blocks does: their names in the order they are merged in, some tensors an item.
        using JobDirectory directory = JobDirectory.Open(job.Folder);
        BlobId[] blocks = [.. directory.Journal.Records.Where(r => r.Kind == "calibrate-block").Select(r => BlobId.Parse(r.Outputs["result"]))];
        Assert.True(blocks.Length > 1);
        BlobId names = await directory.Blobs.PutAsync(System.Text.Encoding.ASCII.GetBytes(string.Join('\n', blocks.Select(b => b.Value))));
        WorkItem[] items = [.. new[] { "0..2", "2..3", "3..7" }.Select(tensors => new WorkItem(WorkRoute.MergeKind, tensors, QuantizationJob.ToolVersion, names.Value))];
        using JobSources sources = JobSources.Reopen(directory.Specification);
        using WorkHandlers handlers = new(directory.Blobs, sources, 1, 1);
        JobContext context = new(directory.Blobs, handlers.ByKind) { Folder = directory.Path };
        Dictionary<string, byte[]> merged = [];
        await foreach (WorkResult result in cluster.CreateEngine().ExecuteAsync(context, items.ToAsyncEnumerable()))
            merged[result.Item.Argument] = result.Failure is null ? result.Bytes.ToArray() : throw new InvalidOperationException(result.Failure.Message);
        foreach (WorkItem item in items)
            Assert.Equal(await context.ExecuteAsync(item, default), merged[item.Argument]);
    }

    private async Task<byte[]> RunLocallyAsync()
    {
        using JobSources sources = JobSources.Open(Samples.Path("digits/digits.onnx"), Samples.Path("digits/calib.json"), Samples.Path("digits/eval.json"), Settings);
        using JobDirectory job = JobDirectory.Create(_local["job"], Specification(sources));
        await new QuantizationJob(job, sources, new LocalEngine(2)).RunAsync(default);
        return File.ReadAllBytes(_local["digits.int8.onnx"]);
    }

    private StoredJob Submit(TestCluster cluster)
    {
        using JobSources sources = JobSources.Open(Samples.Path("digits/digits.onnx"), Samples.Path("digits/calib.json"), Samples.Path("digits/eval.json"), Settings);
        return new JobSubmission(cluster.Store).Submit(Specification(sources), OrleansEngine.EngineName, DateTimeOffset.UtcNow);
    }

    private static JobSettings Settings { get; } = new() { Samples = 64, Threads = 1 };

    private JobSpecification Specification(JobSources sources) => new()
    {
        Tool = QuantizationJob.ToolVersion,
        Model = sources.ModelInput,
        Data = sources.DataInput,
        Evaluation = sources.EvaluationInput,
        Output = _local["digits.int8.onnx"],
        Settings = Settings,
    };

    private static async Task<byte[]> ResultAsync(TestCluster cluster, StoredJob job)
    {
        await cluster.Client.AnnounceAsync(job.Id);
        await WaitAsync(job, s => s.IsOver, cluster);
        JobState state = job.ReadState();
        Assert.True(state.Phase == JobPhase.Finished, $"{state.Message}\n{cluster.Output}");
        AssertNothingTwice(job);
        return ResultOf(job);
    }

    private static byte[] ResultOf(StoredJob job) => File.ReadAllBytes(Path.Combine(job.Folder, "result", "digits.int8.onnx"));

    private static void AssertNothingTwice(StoredJob job)
    {
        string[] keys = [.. File.ReadAllLines(Path.Combine(job.Folder, "journal.jsonl")).Select(l => System.Text.Json.JsonDocument.Parse(l).RootElement.GetProperty("key").GetString()!)];
        Assert.Equal(keys.Distinct(), keys);
    }

    private static async Task WaitAsync(StoredJob job, Func<JobState, bool> isSo, TestCluster cluster)
    {
        for (long began = Environment.TickCount64; !isSo(job.ReadState()); await Task.Delay(20))
            Assert.True(Environment.TickCount64 - began < 60_000, $"{job.ReadState()}\n{cluster.Output}");
    }
}
