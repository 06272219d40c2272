using QuantCluster.Cluster;
using QuantCluster.Jobs;
using QuantCluster.Tests.Chaos;

namespace QuantCluster.Tests.Workers;

/// <summary>Whole jobs on clusters of real worker processes.</summary>
public sealed class ClusterJobTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly Lazy<Task<(byte[] Model, IReadOnlyList<string> Journal)>> Alone = new(() => DigitsJob.RunAloneAsync(new JobSettings()));

    private readonly List<IDisposable> _open = [];

    public ClusterJobTests() => Require.Redis();

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Any_number_of_workers_comes_to_the_bytes_of_one_process(int workers)
    {
        TestCluster cluster = Start(workers);
        StoredJob job = cluster.Submit();
        await AssertLikeAloneAsync(cluster, job);
        JobOutcome outcome = job.ReadOutcome()!;
        Assert.Equal(8, outcome.Layers.Quantized.Count);
        Assert.Contains("finished", File.ReadAllText(job.LogFile));
    }

    [Fact]
    public async Task A_killed_coordinator_is_followed_by_another_who_repeats_nothing()
    {
        TestCluster cluster = Start(2, leaseSeconds: 1);
        StoredJob job = cluster.Submit();
        WorkerProcess coordinator = await cluster.CoordinatorOfAsync(job, Patience);
        await cluster.UntilAsync(() => job.ReadState().Stage is "calibrate" or "ranges", Patience, "it does not calibrate");
        coordinator.Kill();
        await AssertLikeAloneAsync(cluster, job);
        Assert.True(job.ReadState().Coordinators > 1);
    }

    [Fact]
    public async Task Workers_killed_every_second_of_a_search_lose_no_trial_and_repeat_none()
    {
        JobSettings settings = new() { Correct = Corrections.CorrectionMode.None, Speed = SpeedMode.Ignore };
        (byte[] model, IReadOnlyList<string> journal) = await DigitsJob.RunAloneAsync(settings, DigitsJob.Search);
        TestCluster cluster = Start(3, leaseSeconds: 1);
        StoredJob job = cluster.Submit(settings, DigitsJob.Search);
        await cluster.UntilAsync(() => job.ReadState() is { Stage: "search" or "trials" } or { IsOver: true }, Patience, "it does not search");
        Random random = new(5);
        int killed = 0;
        for (; killed < 5 && !job.ReadState().IsOver; killed++)
        {
            WorkerProcess[] living = [.. cluster.Workers.Where(w => !w.HasExited)];
            living[random.Next(living.Length)].Kill();
            cluster.AddWorker();
            await Task.Delay(1000);
        }

        JobState state = await cluster.FinishAsync(job, Patience);
        Assert.True(state.Phase == JobPhase.Finished, state.Message);
        Assert.True(killed >= 2, $"only {killed} killed");
        Assert.Equal(model, TestCluster.ResultOf(job));
        Assert.Equal(journal.Order(), TestCluster.JournalOf(job).Order());
    }

    [Fact]
    public async Task A_coordinator_that_hangs_loses_its_job_and_does_no_harm_when_it_wakes_up()
    {
        TestCluster cluster = Start(2, leaseSeconds: 1);
        StoredJob job = cluster.Submit();
        WorkerProcess coordinator = await cluster.CoordinatorOfAsync(job, Patience);
        coordinator.Hang();
        await cluster.UntilAsync(() => job.ReadState().Coordinator != coordinator.Name, Patience, "no one takes over");
        coordinator.WakeUp();
        await AssertLikeAloneAsync(cluster, job);
    }

    [Fact]
    public async Task Two_jobs_at_a_time_both_come_to_their_own_bytes()
    {
        JobSettings other = new() { Method = RangeMethod.MinMax, Correct = Corrections.CorrectionMode.None };
        TestCluster cluster = Start(2);
        StoredJob first = cluster.Submit(), second = cluster.Submit(other);
        await AssertLikeAloneAsync(cluster, first);
        Assert.Equal(JobPhase.Finished, (await cluster.FinishAsync(second, Patience)).Phase);
        Assert.Equal((await DigitsJob.RunAloneAsync(other)).Model, TestCluster.ResultOf(second));
    }

    [Fact]
    public async Task A_job_that_Redis_forgot_is_found_in_the_store()
    {
        TestCluster cluster = Start(0, leaseSeconds: 1);
        StoredJob job = cluster.Submit();
        cluster.Redis.Kill();
        Directory.Delete(Path.Combine(cluster.Redis.Folder, "appendonlydir"), recursive: true);
        cluster.Redis.Start();
        cluster.AddWorker();
        await AssertLikeAloneAsync(cluster, job);
    }

    [Fact]
    public async Task A_cancelled_job_stops_and_its_workers_go_on_with_others()
    {
        TestCluster cluster = Start(1);
        StoredJob job = cluster.Submit(), next = cluster.Submit();
        await cluster.CoordinatorOfAsync(job, Patience);
        job.Cancel();
        JobState state = await cluster.FinishAsync(job, Patience);
        Assert.Equal((JobPhase.Cancelled, ExitCode.Cancelled), (state.Phase, state.Code));
        Assert.Null(job.ReadOutcome());
        await AssertLikeAloneAsync(cluster, next);
    }

    [Fact]
    public async Task A_gate_that_is_not_met_fails_the_job_with_runs_exit_code()
    {
        TestCluster cluster = Start(1);
        JobState state = await cluster.FinishAsync(cluster.Submit(new JobSettings { MinimumSqnr = 90, Correct = Corrections.CorrectionMode.None }), Patience);
        Assert.Equal((JobPhase.Failed, ExitCode.GateNotMet), (state.Phase, state.Code));
        Assert.Contains("90", state.Message);
    }

    [Fact]
    public async Task A_full_disk_makes_the_job_wait_until_there_is_room()
    {
        SmallDisk disk = Open(new SmallDisk());
        Assert.SkipUnless(disk.CanBeFilled, "skipped: only root can mount a disk small enough to be filled");
        TestCluster cluster = Start(1, leaseSeconds: 1, disk.Folder);
        StoredJob job = cluster.Submit(new JobSettings { MinimumSqnr = 1 });
        await cluster.CoordinatorOfAsync(job, Patience);
        disk.Fill();
        await cluster.UntilAsync(() => cluster.Workers[0].Log.Contains("No space left", StringComparison.Ordinal) || job.ReadState().IsOver, Patience, "no one notices");
        disk.Free();
        Assert.Equal(JobPhase.Finished, (await cluster.FinishAsync(job, Patience)).Phase);
        Assert.Equal((await Alone.Value).Model, TestCluster.ResultOf(job));
    }

    [Fact]
    public async Task A_damaged_blob_is_made_again_by_the_next_coordinator()
    {
        TestCluster cluster = Start(1, leaseSeconds: 1);
        StoredJob job = cluster.Submit();
        WorkerProcess coordinator = await cluster.CoordinatorOfAsync(job, Patience);
        await cluster.UntilAsync(() => job.ReadState().Stage is "ranges" or "correct", Patience, "it does not calibrate");
        coordinator.Kill();
        foreach (string blob in Directory.EnumerateFiles(Path.Combine(job.Folder, "blobs"), "*", SearchOption.AllDirectories))
        {
            byte[] bytes = File.ReadAllBytes(blob);
            bytes[bytes.Length / 2] ^= 1;
            File.WriteAllBytes(blob, bytes);
        }

        cluster.AddWorker();
        Assert.Equal(JobPhase.Finished, (await cluster.FinishAsync(job, Patience)).Phase);
        Assert.Equal((await Alone.Value).Model, TestCluster.ResultOf(job));
    }

    public void Dispose()
    {
        foreach (IDisposable open in Enumerable.Reverse(_open))
            open.Dispose();
    }

    private TestCluster Start(int workers, double leaseSeconds = 5, string? store = null)
    {
        TestCluster cluster = Open(new TestCluster(leaseSeconds, store));
        for (int i = 0; i < workers; i++)
            cluster.AddWorker();
        return cluster;
    }

    private T Open<T>(T open)
        where T : IDisposable
    {
        _open.Add(open);
        return open;
    }

    private static async Task AssertLikeAloneAsync(TestCluster cluster, StoredJob job)
    {
        JobState state = await cluster.FinishAsync(job, Patience);
        Assert.True(state.Phase == JobPhase.Finished, state.Message);
        (byte[] model, IReadOnlyList<string> journal) = await Alone.Value;
        Assert.Equal(model, TestCluster.ResultOf(job));

        // Nothing lost, nothing twice.
        Assert.Equal(journal.Order(), TestCluster.JournalOf(job).Order());
    }
}
