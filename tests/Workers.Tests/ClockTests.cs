using System.Globalization;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using QuantCluster.Cluster;
using QuantCluster.Jobs;
using QuantCluster.Tests.Chaos;
using QuantCluster.Tests.Jobs;
using QuantCluster.Workers;

namespace QuantCluster.Tests.Workers;

/// <summary>Machines' clocks may differ by any amount: leases are durations on Redis's clock and on a worker's own watch.</summary>
public sealed class ClockTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public void Nothing_in_the_workers_reads_a_machines_clock()
    {
        using FileStream stream = File.OpenRead(typeof(RedisWorker).Assembly.Location);
        using PEReader program = new(stream);
        MetadataReader metadata = program.GetMetadataReader();
        string[] called = [.. metadata.MemberReferences.Select(h => metadata.GetString(metadata.GetMemberReference(h).Name))];
        Assert.Contains("GetTimestamp", called);
        Assert.Empty(called.Intersect(["get_UtcNow", "get_Now", "get_Today", "GetUtcNow", "GetLocalNow", "get_TickCount", "get_TickCount64"]));
    }

    [Fact]
    public async Task Coordinators_whose_clocks_are_years_apart_come_to_the_same_bytes()
    {
        using TemporaryFolder folder = new();
        JobSettings settings = new() { Correct = Corrections.CorrectionMode.None };
        using JobSources sources = DigitsJob.Open(settings);
        JobStore store = JobStore.Open(folder.Path);
        StoredJob job = new JobSubmission(store).Submit(DigitsJob.Specify(sources, settings, "digits.int8.onnx"), "redis", TimeProvider.System.GetUtcNow());
        using CancellationTokenSource lost = new();
        Task first = new StoredJobRun(job, "from the future", new Clock(TimeSpan.FromDays(900))).RunAsync(new LocalEngine(1), lost.Token);
        while (job.ReadState().Stage is null)
            await Task.Delay(5);
        await lost.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        JobState state = await new StoredJobRun(job, "from the past", new Clock(TimeSpan.FromDays(-900))).RunAsync(new LocalEngine(1), default);
        Assert.Equal((JobPhase.Finished, 2), (state.Phase, state.Coordinators));
        Assert.Equal((await DigitsJob.RunAloneAsync(settings)).Model, TestCluster.ResultOf(job));
    }

    [Fact]
    public async Task Workers_on_machines_whose_clocks_are_years_apart_take_over_from_each_other_and_come_to_the_same_bytes()
    {
        Require.Redis();
        Assert.SkipUnless(ShiftedClock.CanBeHad, ShiftedClock.Missing);
        JobSettings settings = new();
        using TestCluster cluster = new(leaseSeconds: 1);
        WorkerProcess future = cluster.AddWorker(1, ShiftedClock.Wrapping(TimeSpan.FromDays(900)));
        StoredJob job = cluster.Submit(settings);
        Assert.Same(future, await cluster.CoordinatorOfAsync(job, Patience));
        cluster.AddWorker(1, ShiftedClock.Wrapping(TimeSpan.FromDays(-900)));
        await cluster.UntilAsync(() => job.ReadState().Stage is not (null or "prepare" or "plan"), Patience, "it does not begin");
        future.Kill();
        JobState state = await cluster.FinishAsync(job, Patience);
        Assert.True(state.Phase == JobPhase.Finished, state.Message);
        (byte[] model, IReadOnlyList<string> journal) = await DigitsJob.RunAloneAsync(settings);
        Assert.Equal(model, TestCluster.ResultOf(job));
        Assert.Equal(journal.Order(), TestCluster.JournalOf(job).Order());

        // The log alone shows their clocks, and so that these were off.
        int[] days = [.. File.ReadAllLines(job.LogFile)
            .Select(l => (int)Math.Round((DateTimeOffset.Parse(l.Split(' ')[0], CultureInfo.InvariantCulture) - TimeProvider.System.GetUtcNow()).TotalDays)).Distinct().Order()];
        Assert.Equal([-900, 900], days);
    }

    private sealed class Clock(TimeSpan off) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + off;
    }
}
