using QuantCluster.Cluster;
using QuantCluster.Grains;
using QuantCluster.Jobs;
using QuantCluster.Tests.Jobs;

namespace QuantCluster.Tests;

/// <summary>What the engine makes of silos that die, hang or say good-bye: every item still has one result.</summary>
public class SiloFaultTests(ContractCluster contract) : IClassFixture<ContractCluster>, IAsyncLifetime
{
    private TestCluster _cluster = null!;

    public async ValueTask InitializeAsync()
    {
        _cluster = contract.Get();
        while (_cluster.Silos.Count < 3)
            await _cluster.AddAsync();
    }

    public ValueTask DisposeAsync()
    {
        _cluster.Bury();
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }

    private protected virtual IWorkEngine Create(TestCluster cluster) => cluster.CreateEngine();

    [Fact]
    public async Task Silos_killed_in_the_middle_lose_no_item()
    {
        int read = 0, silos = _cluster.Silos.Count;
        List<WorkResult> results = await RunAsync(120, new() { DelayMilliseconds = 50 }, () =>
        {
            if (++read is 15 or 60)
                _cluster.Kill(_cluster.Silos[0]);
            return Task.CompletedTask;
        });
        AssertComplete(results, 120);
        Assert.Equal(silos - 2, _cluster.Silos.Count);
    }

    [Fact]
    public async Task Items_that_a_killed_silo_was_to_do_are_done_by_another()
    {
        int read = 0;
        List<WorkResult> results = await RunAsync(90, new() { DelayMilliseconds = 50 }, () =>
        {
            if (++read == 15)
                _cluster.Kill(_cluster.Silos[0]);
            return Task.CompletedTask;
        }, i => $"{i % 3}");
        AssertComplete(results, 90);
    }

    [Fact]
    public async Task A_silo_that_hangs_is_given_up_and_one_that_comes_is_used()
    {
        int read = 0;
        List<WorkResult> results = await RunAsync(120, new() { DelayMilliseconds = 50 }, async () =>
        {
            if (++read == 15)
                _cluster.Silos[1].Signal("STOP");
            if (read == 30)
                await _cluster.AddAsync();
        });
        AssertComplete(results, 120);
    }

    [Fact]
    public async Task A_silo_that_wakes_up_when_others_have_its_work_does_no_harm()
    {
        int read = 0;
        SiloProcess asleep = _cluster.Silos[1];
        List<WorkResult> results = await RunAsync(90, new() { DelayMilliseconds = 50 }, async () =>
        {
            if (++read == 15)
                asleep.Signal("STOP");
            if (read != 70)
                return;
            await Task.Delay(2000);
            asleep.Signal("CONT");
        });
        AssertComplete(results, 90);
    }

    [Fact]
    public async Task An_order_that_comes_twice_is_done_once()
    {
        JobContext job = Hashing.Prepare(Path.Combine(_cluster.Store.Jobs, JobStore.NewId("contract")), new() { DelayMilliseconds = 1000 });
        WorkItem item = Hashing.Item(1);
        string name = Path.GetFileName(job.Folder);
        WorkOrder order = new(name, "", QuantizationJob.ToolVersion, item.Key, item.Kind, item.Argument, [.. item.Inputs]);
        IShardGrain grain = _cluster.Client.Grains.GetGrain<IShardGrain>($"{name}/twice#1");
        WorkAnswer[] answers = await Task.WhenAll(grain.ExecuteAsync(order, default), grain.ExecuteAsync(order, default));
        Assert.All(answers, a => Assert.Equal(Hashing.Expected(item), System.Text.Encoding.ASCII.GetString(a.Bytes!)));
        Assert.Single(Hashing.Calls(job.Folder));
        WorkAnswer refused = await grain.ExecuteAsync(order with { Version = "another build", Key = "another" }, default);
        Assert.True(refused.IsRefused);
    }

    [Fact]
    public async Task Redis_restarted_in_the_middle_loses_no_item()
    {
        int read = 0;
        List<WorkResult> results = await RunAsync(60, new() { DelayMilliseconds = 50 }, () =>
        {
            if (++read == 15)
                _cluster.Redis.Restart();
            return Task.CompletedTask;
        });
        AssertComplete(results, 60);
        await _cluster.AddAsync();
    }

    [Fact]
    public async Task An_item_that_kills_a_silo_is_done_by_another()
    {
        List<WorkResult> results = await RunAsync(30, new() { FailingArgument = "7", FailingAttempts = 1, Kills = true }, () => Task.CompletedTask);
        AssertComplete(results, 30);
        Assert.Equal(2, results.Single(r => r.Item.Argument == "7").Attempts);
    }

    [Fact]
    public async Task An_item_that_kills_every_silo_is_quarantined_and_the_others_finish()
    {
        Task<List<WorkResult>> run = RunAsync(12, new() { FailingArgument = "3", Kills = true }, () => Task.CompletedTask);
        while (!run.IsCompleted)
        {
            // As an orchestrator would.
            _cluster.Bury();
            if (_cluster.Silos.Count < 2)
                await _cluster.AddAsync();
            await Task.Delay(50);
        }

        List<WorkResult> results = await run;
        WorkResult failed = Assert.Single(results, r => r.Failure is not null);
        Assert.Equal($"{Hashing.KindName} 3: 5 workers died with it, so it is quarantined: no other is given it. Look into their logs; too little memory for the model is the usual reason.", failed.Failure!.Message);
        Assert.Equal(12, results.Count);
    }

    [Fact]
    public async Task A_silo_told_to_stop_finishes_what_it_has_begun_and_goes_in_peace()
    {
        int read = 0;
        SiloProcess leaving = _cluster.Silos[2];
        List<WorkResult> results = await RunAsync(120, new() { DelayMilliseconds = 50 }, () =>
        {
            if (++read == 15)
                leaving.Signal("TERM");
            return Task.CompletedTask;
        });
        AssertComplete(results, 120);

        // A silo gives its grains up to a minute, and it may have to ask ones that other tests have killed.
        await leaving.WaitForExitAsync(TimeSpan.FromSeconds(80));
        Assert.Equal(0, leaving.ExitCode);
    }

    private async Task<List<WorkResult>> RunAsync(int count, Hashing.Behaviour behaviour, Func<Task> onResult, Func<int, string>? affinity = null)
    {
        JobContext job = Hashing.Prepare(Path.Combine(_cluster.Store.Jobs, JobStore.NewId("contract")), behaviour);
        List<WorkResult> results = [];
        await foreach (WorkResult result in Create(_cluster).ExecuteAsync(job, Items(count, affinity)))
        {
            results.Add(result);
            await onResult();
        }

        return results;
    }

    private void AssertComplete(List<WorkResult> results, int count)
    {
        Assert.All(results, r => Assert.True(r.Failure is null, $"{r.Failure?.Message}\n{_cluster.Output}"));
        Assert.Equal(Enumerable.Range(0, count), results.Select(r => int.Parse(r.Item.Argument, System.Globalization.CultureInfo.InvariantCulture)).Order());
    }

    private static async IAsyncEnumerable<WorkItem> Items(int count, Func<int, string>? affinity)
    {
        for (int i = 0; i < count; i++)
            yield return affinity is null ? Hashing.Item(i) : Hashing.Item(i, affinity(i));
        await Task.CompletedTask;
    }
}
