using QuantCluster.Cluster;
using QuantCluster.Corrections;
using QuantCluster.Grains;
using QuantCluster.Jobs;
using QuantCluster.Search;
using QuantCluster.Tests.Chaos;
using QuantCluster.Tests.Jobs;

namespace QuantCluster.Tests;

/// <summary>Whole jobs on silos whose machines, disks and clocks fail.</summary>
public sealed class ClusterFaultTests : IDisposable
{
    private static readonly JobSettings Settings = new() { Samples = 64, Threads = 1, Speed = SpeedMode.Ignore, Correct = CorrectionMode.None };
    private static readonly SearchSettings Search = new() { Trials = 60, Corrections = LayerCorrection.None };

    private readonly TemporaryFolder _local = new();

    public ClusterFaultTests() => RedisServer.SkipUnlessInstalled();

    [Fact]
    public async Task Silos_killed_every_second_of_a_search_lose_no_trial_and_repeat_none()
    {
        await using TestCluster cluster = await TestCluster.StartAsync(3, TestCluster.Silo);
        StoredJob job = Submit(cluster, Search);
        await cluster.Client.AnnounceAsync(job.Id);
        await WaitAsync(job, s => s.Stage is "search" or "trials" || s.IsOver, cluster);
        Random random = new(5);
        int killed = 0;
        for (; killed < 4 && !job.ReadState().IsOver; killed++)
        {
            cluster.Kill(cluster.Silos[random.Next(cluster.Silos.Count)]);
            Task added = cluster.AddAsync();
            await Task.Delay(1000);
            await added;
        }

        await WaitAsync(job, s => s.IsOver, cluster);
        Assert.True(killed >= 2, $"only {killed} killed");
        await AssertLikeAloneAsync(cluster, job, Search);
    }

    [Fact]
    public async Task A_search_goes_by_the_grains_of_its_layers_and_on_when_its_coordinator_is_killed()
    {
        SearchSettings search = new() { Trials = 60 };
        await using TestCluster cluster = await TestCluster.StartAsync(3, TestCluster.Silo);
        StoredJob job = Submit(cluster, search);
        await cluster.Client.AnnounceAsync(job.Id);
        await WaitAsync(job, s => s.Stage is "search" or "trials" || s.IsOver, cluster);
        string coordinator = (await cluster.Client.Grains.GetGrain<ICoordinatorGrain>(job.Id).DescribeAsync()).Silo;
        cluster.Kill(cluster.Silos.Single(s => s.Name == coordinator));
        await WaitAsync(job, s => s.IsOver, cluster);
        await AssertLikeAloneAsync(cluster, job, search);

        using JobDirectory directory = JobDirectory.Open(job.Folder);
        BlobId plan = BlobId.Parse(directory.Journal.Records.First(r => r.Outputs.ContainsKey("plan")).Outputs["plan"]);
        using System.Text.Json.JsonDocument layers = System.Text.Json.JsonDocument.Parse(await directory.Blobs.GetAsync(plan));
        LayerDescription[] watched = await Task.WhenAll(layers.RootElement.GetProperty("layers").EnumerateArray().Select(layer =>
            cluster.Client.Grains.GetGrain<ILayerGrain>(WorkRoute.WatcherOf(job.Id, [layer.GetProperty("id").GetString()!])).DescribeAsync()));
        Assert.All(watched, l => Assert.Equal(0, l.UnderWay));

        // What went by those that died with the coordinator's silo may all be in the journal.
        Assert.True(watched.Count(l => l.SentOut > 0) > watched.Length / 2, string.Join('\n', watched.AsEnumerable()));
    }

    [Fact]
    public async Task A_damaged_blob_is_made_again()
    {
        await using TestCluster cluster = await TestCluster.StartAsync(2, TestCluster.Silo);
        StoredJob job = Submit(cluster);
        await cluster.Client.AnnounceAsync(job.Id);
        await WaitAsync(job, s => s.Stage is "ranges" or "emit" or "verify" || s.IsOver, cluster);
        string coordinator = (await cluster.Client.Grains.GetGrain<ICoordinatorGrain>(job.Id).DescribeAsync()).Silo;
        cluster.Kill(cluster.Silos.Single(s => s.Name == coordinator));
        int damaged = 0;
        foreach (string blob in Directory.EnumerateFiles(Path.Combine(job.Folder, "blobs"), "*", SearchOption.AllDirectories).Where(f => Path.GetFileName(f).Length == 64))
        {
            byte[] bytes = File.ReadAllBytes(blob);
            bytes[bytes.Length / 2] ^= 1;
            File.WriteAllBytes(blob, bytes);
            damaged++;
        }

        Assert.True(damaged > 0);
        await WaitAsync(job, s => s.IsOver, cluster);
        Assert.True(job.ReadState().Phase == JobPhase.Finished, job.ReadState().Message);
        Assert.Equal((await RunAloneAsync(null)).Model, ResultOf(job));
    }

    [Fact]
    public async Task A_full_disk_makes_the_job_wait_until_there_is_room()
    {
        using SmallDisk disk = new();
        Assert.SkipUnless(disk.CanBeFilled, "skipped: only root can mount a disk small enough to be filled");
        await using TestCluster cluster = await TestCluster.StartAsync(1, TestCluster.Silo, store: disk.Folder);
        StoredJob job = Submit(cluster, Search);
        await cluster.Client.AnnounceAsync(job.Id);
        await WaitAsync(job, s => s.Stage is not null, cluster);
        disk.Fill();
        await WaitAsync(() => cluster.Output.Contains("No space left", StringComparison.Ordinal) || job.ReadState().IsOver, job, cluster);
        Assert.NotEqual(JobPhase.Failed, job.ReadState().Phase);
        disk.Free();
        await WaitAsync(job, s => s.IsOver, cluster);
        await AssertLikeAloneAsync(cluster, job, Search);
    }

    [Fact]
    public async Task Silos_whose_clocks_are_years_apart_tell_the_time_of_Redis_and_come_to_the_same_bytes()
    {
        await using TestCluster cluster = await TestCluster.StartAsync(1, TestCluster.ContractSilo, clockOffDays: 900);
        await cluster.AddAsync(-900);
        await cluster.AddAsync();
        StoredJob job = Submit(cluster);
        await cluster.Client.AnnounceAsync(job.Id);
        await WaitAsync(job, s => s.Stage is not null, cluster);
        string coordinator = (await cluster.Client.Grains.GetGrain<ICoordinatorGrain>(job.Id).DescribeAsync()).Silo;
        cluster.Kill(cluster.Silos.Single(s => s.Name == coordinator));
        await WaitAsync(job, s => s.IsOver, cluster);
        await AssertLikeAloneAsync(cluster, job, null);
        DateTimeOffset[] times = [.. File.ReadAllLines(job.LogFile).Select(l => DateTimeOffset.Parse(l.Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture))];
        Assert.All(times, t => Assert.InRange(t, DateTimeOffset.UtcNow.AddMinutes(-5), DateTimeOffset.UtcNow.AddMinutes(1)));
    }

    [Fact]
    public async Task Silos_on_machines_whose_clocks_are_more_than_an_hour_apart_take_over_from_each_other_and_come_to_the_same_bytes()
    {
        Assert.SkipUnless(ShiftedClock.CanBeHad, ShiftedClock.Missing);
        await using TestCluster cluster = await TestCluster.StartAsync(1, TestCluster.Silo, wrapping: ShiftedClock.Wrapping(TimeSpan.FromMinutes(40)));
        await cluster.AddAsync(wrapping: ShiftedClock.Wrapping(TimeSpan.FromMinutes(-40)));
        await cluster.AddAsync();
        StoredJob job = Submit(cluster, Search);
        await cluster.Client.AnnounceAsync(job.Id);
        for (int killed = 0; killed < 2; killed++)
        {
            // Whoever it is, and then whoever follows: two of the three are off.
            int coordinators = killed + 1;
            await WaitAsync(job, s => (s.Coordinators >= coordinators && s.Stage is not (null or "prepare" or "plan")) || s.IsOver, cluster);
            string coordinator = (await cluster.Client.Grains.GetGrain<ICoordinatorGrain>(job.Id).DescribeAsync()).Silo;
            cluster.Kill(cluster.Silos.Single(s => s.Name == coordinator));
        }

        await WaitAsync(job, s => s.IsOver, cluster);
        await AssertLikeAloneAsync(cluster, job, Search);
    }

    public void Dispose() => _local.Dispose();

    private async Task AssertLikeAloneAsync(TestCluster cluster, StoredJob job, SearchSettings? search)
    {
        JobState state = job.ReadState();
        Assert.True(state.Phase == JobPhase.Finished, $"{state.Message}\n{cluster.Output}");
        (byte[] model, string[] journal) = await RunAloneAsync(search);
        Assert.Equal(model, ResultOf(job));

        // Nothing lost, nothing twice.
        Assert.Equal(journal, KeysOf(job.Folder));
    }

    private async Task<(byte[] Model, string[] Journal)> RunAloneAsync(SearchSettings? search)
    {
        using JobSources sources = Open();
        using (JobDirectory job = JobDirectory.Create(_local["job"], Specify(sources, search)))
            await new QuantizationJob(job, sources, new LocalEngine(2)).RunAsync(default);
        return (File.ReadAllBytes(_local["digits.int8.onnx"]), KeysOf(_local["job"]));
    }

    private StoredJob Submit(TestCluster cluster, SearchSettings? search = null)
    {
        using JobSources sources = Open();
        return new JobSubmission(cluster.Store).Submit(Specify(sources, search), OrleansEngine.EngineName, DateTimeOffset.UtcNow);
    }

    private static JobSources Open() =>
        JobSources.Open(Samples.Path("digits/digits.onnx"), Samples.Path("digits/calib.json"), Samples.Path("digits/eval.json"), Settings);

    private JobSpecification Specify(JobSources sources, SearchSettings? search) => new()
    {
        Tool = QuantizationJob.ToolVersion,
        Model = sources.ModelInput,
        Data = sources.DataInput,
        Evaluation = sources.EvaluationInput,
        Output = _local["digits.int8.onnx"],
        Settings = Settings,
        Search = search,
    };

    private static byte[] ResultOf(StoredJob job) => File.ReadAllBytes(Path.Combine(job.Folder, "result", "digits.int8.onnx"));

    private static string[] KeysOf(string folder) =>
        [.. File.ReadAllLines(Path.Combine(folder, "journal.jsonl")).Select(l => System.Text.Json.JsonDocument.Parse(l).RootElement.GetProperty("key").GetString()!).Order(StringComparer.Ordinal)];

    private static Task WaitAsync(StoredJob job, Func<JobState, bool> isSo, TestCluster cluster) => WaitAsync(() => isSo(job.ReadState()), job, cluster);

    private static async Task WaitAsync(Func<bool> isSo, StoredJob job, TestCluster cluster)
    {
        for (long began = Environment.TickCount64; !isSo(); await Task.Delay(20))
            Assert.True(Environment.TickCount64 - began < 60_000, $"{job.ReadState()}\n{cluster.Output}");
    }
}
