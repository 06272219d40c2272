using System.Text;
using QuantCluster.Cluster;
using QuantCluster.Jobs;
using QuantCluster.Tests.Chaos;
using QuantCluster.Tests.Jobs;
using QuantCluster.Workers;
using StackExchange.Redis;

namespace QuantCluster.Tests.Workers;

/// <summary>What happens to items when workers and servers fail, with real processes of both.</summary>
public sealed class ItemFaultTests : IDisposable
{
    private static readonly RedisTiming Timing = new() { Lease = TimeSpan.FromSeconds(1) };

    private readonly TemporaryFolder _store = new();
    private readonly RedisServer _server;
    private readonly List<WorkerProcess> _workers = [];

    public ItemFaultTests()
    {
        Require.Redis();
        _server = new RedisServer();
    }

    [Fact]
    public async Task Items_of_a_killed_worker_are_done_by_another()
    {
        await using Bench bench = await StartAsync(2, new() { DelayMilliseconds = 30 });
        Task<List<WorkResult>> run = bench.RunAsync(60);
        await bench.CallsAsync(10);
        _workers[0].Kill();
        AssertEachOnce(await run, 60);
    }

    [Fact]
    public async Task Items_meant_for_a_killed_worker_are_done_by_another()
    {
        await using Bench bench = await StartAsync(2, new() { DelayMilliseconds = 30 });
        await bench.WorkersAsync(2);
        Task<List<WorkResult>> run = bench.RunAsync(60, affinity: i => $"{i % 2}");
        await bench.CallsAsync(20);
        _workers[0].Kill();
        AssertEachOnce(await run, 60);
        Assert.Equal(2, Hashing.CallsAndProcesses(bench.Job.Folder).Select(c => c.Process).Distinct().Count());
    }

    [Fact]
    public async Task A_worker_that_comes_later_takes_part()
    {
        await using Bench bench = await StartAsync(0, new() { DelayMilliseconds = 20 });
        Task<List<WorkResult>> run = bench.RunAsync(30);
        await Task.Delay(300);
        AddWorker();
        AssertEachOnce(await run, 30);
    }

    [Fact]
    public async Task A_hung_workers_items_are_taken_over_and_its_late_answers_are_dropped()
    {
        await using Bench bench = await StartAsync(2, new() { DelayMilliseconds = 30 });
        Task<List<WorkResult>> run = bench.RunAsync(60);
        await bench.CallsAsync(10);
        _workers[0].Hang();
        await Task.Delay(Timing.Lease * 2);
        _workers[0].WakeUp();
        AssertEachOnce(await run, 60);
        AssertEachOnce(await bench.RunAsync(60), 60);
    }

    [Fact]
    public async Task A_worker_asked_to_leave_finishes_what_it_has_and_no_item_is_done_twice()
    {
        await using Bench bench = await StartAsync(2, new() { DelayMilliseconds = 30 });
        Task<List<WorkResult>> run = bench.RunAsync(60);
        await bench.CallsAsync(10);
        await _workers[0].LeaveAsync(TimeSpan.FromSeconds(20));
        Assert.Equal(0, _workers[0].ExitCode);
        AssertEachOnce(await run, 60);
        Assert.Equal(60, Hashing.Calls(bench.Job.Folder).Length);
    }

    [Fact]
    public async Task Redis_restarts_in_the_middle_and_nothing_is_lost()
    {
        await using Bench bench = await StartAsync(2, new() { DelayMilliseconds = 30 });
        Task<List<WorkResult>> run = bench.RunAsync(60);
        await bench.CallsAsync(10);
        _server.Kill();
        await Task.Delay(300);
        _server.Start();
        AssertEachOnce(await run, 60);
    }

    [Fact]
    public async Task Redis_forgets_everything_and_the_coordinator_sends_again_what_has_no_result()
    {
        await using Bench bench = await StartAsync(2, new() { DelayMilliseconds = 30 });
        Task<List<WorkResult>> run = bench.RunAsync(60);
        await bench.CallsAsync(10);
        await bench.Link.Database.ExecuteAsync("FLUSHALL");
        AssertEachOnce(await run, 60);
    }

    [Fact]
    public async Task Duplicated_items_and_answers_are_harmless()
    {
        await using Bench bench = await StartAsync(2, new() { DelayMilliseconds = 20 });
        Task<List<WorkResult>> run = bench.RunAsync(60);
        await bench.CallsAsync(5);
        for (int i = 0; i < 3; i++)
        {
            await Task.Delay(100);
            foreach (RedisResult key in (RedisResult[])(await bench.Link.Database.ExecuteAsync("KEYS", "quant:*"))!)
            {
                if (!key.ToString()!.EndsWith(":results", StringComparison.Ordinal) && !key.ToString()!.EndsWith(":items", StringComparison.Ordinal))
                    continue;
                foreach (StreamEntry entry in await bench.Link.Database.StreamRangeAsync(key.ToString()))
                    await bench.Link.Database.StreamAddAsync(key.ToString(), entry.Values);
            }
        }

        AssertEachOnce(await run, 60);
    }

    [Fact]
    public async Task Large_results_travel_by_content_and_one_whose_blob_is_missing_is_made_again()
    {
        await using Bench bench = await StartAsync(1, new() { DelayMilliseconds = 100, Padding = 100_000 });
        Task<List<WorkResult>> run = bench.RunAsync(6);
        await bench.CallsAsync(1);
        ResultMessage wrong = new(Hashing.Item(2).Key, "no one", 0, Blob: new string('0', 64));
        string key = ((string[])(await bench.Link.Database.ExecuteAsync("KEYS", "quant:run:*"))!).First(k => !k.EndsWith(":results", StringComparison.Ordinal));
        await bench.Link.Database.StreamAddAsync($"{key}:results", [new("h", wrong.ToBytes()), new("b", "")]);
        List<WorkResult> done = await run;
        AssertEachOnce(done, 6);
        Assert.All(done, r => Assert.True(r.Bytes.Length > 100_000));
        Assert.Equal(2, done.Single(r => r.Item.Argument == "2").Attempts);
    }

    [Fact]
    public async Task An_item_that_kills_every_worker_is_given_up_and_the_others_finish()
    {
        await using Bench bench = await StartAsync(1, new() { FailingArgument = "3", Kills = true });
        Task<List<WorkResult>> run = bench.RunAsync(8);
        while (!run.IsCompleted)
        {
            // As an orchestrator would.
            if (_workers[^1].HasExited)
                AddWorker();
            await Task.Delay(50);
        }

        List<WorkResult> results = await run;
        WorkResult failed = Assert.Single(results, r => r.Failure is not null);
        Assert.Equal($"{Hashing.KindName} 3: 5 workers died with it, so it is quarantined: no other is given it. Look into their logs; too little memory for the model is the usual reason.", failed.Failure!.Message);
        Assert.Equal(8, results.Count);
    }

    [Fact]
    public async Task Deaths_are_counted_on_when_the_coordinator_is_among_the_dead()
    {
        for (int death = 1; death <= BegunItems.MaximumDeaths; death++)
        {
            // Each with a coordinator of its own, that ends with the worker.
            await using Bench bench = await StartAsync(1, new() { FailingArgument = "0", Kills = true }, "poisoned");
            using CancellationTokenSource end = new();
            Task run = bench.RunAsync(1, end.Token);
            while (!_workers[^1].HasExited)
                await Task.Delay(20);
            await end.CancelAsync();
            await run.ContinueWith(_ => { }, TaskScheduler.Default);
        }

        await using Bench last = await StartAsync(1, new() { FailingArgument = "0", Kills = true }, "poisoned");
        Assert.Contains("5 workers died with it, so it is quarantined", Assert.Single(await last.RunAsync(1)).Failure!.Message);
        Assert.False(_workers[^1].HasExited);
    }

    [Fact]
    public async Task Items_beside_one_that_kills_its_workers_are_not_blamed()
    {
        await using Bench innocent = await StartAsync(0, new() { DelayMilliseconds = 2500 });
        await using Bench poisoned = await StartAsync(0, new() { FailingArgument = "0", Kills = true, DelayMilliseconds = 300 });
        AddWorker(cores: 3);
        Task<List<WorkResult>> good = innocent.RunAsync(4), bad = poisoned.RunAsync(1);
        while (!good.IsCompleted || !bad.IsCompleted)
        {
            if (_workers[^1].HasExited)
                AddWorker(cores: 3);
            await Task.Delay(50);
        }

        Assert.Contains("so it is quarantined", Assert.Single(await bad).Failure!.Message);
        AssertEachOnce(await good, 4);
    }

    [Fact]
    public async Task A_failure_whose_answer_comes_twice_counts_once()
    {
        await using Bench bench = await StartAsync(1, new() { FailingArgument = "0", FailingAttempts = 1, DelayMilliseconds = 300 });
        Task<List<WorkResult>> run = bench.RunAsync(1);
        await bench.CallsAsync(1);
        string key = ((string[])(await bench.Link.Database.ExecuteAsync("KEYS", "quant:run:*"))!).First(k => !k.EndsWith(":results", StringComparison.Ordinal));
        ResultMessage failure = new(Hashing.Item(0).Key, "no one", 0, Code: ExitCode.InternalError, Message: "poison", MayRetry: true, Delivery: "1-1");
        for (int i = 0; i < 5; i++)
            await bench.Link.Database.StreamAddAsync($"{key}:results", [new("h", failure.ToBytes()), new("b", "")]);
        AssertEachOnce(await run, 1);
    }

    [Fact]
    public async Task A_small_job_does_not_wait_for_the_end_of_a_large_one()
    {
        await using Bench large = await StartAsync(1, new() { DelayMilliseconds = 20 });
        Task<List<WorkResult>> slow = large.RunAsync(150);
        await large.CallsAsync(5);
        await using Bench small = await StartAsync(0, new() { DelayMilliseconds = 20 });
        AssertEachOnce(await small.RunAsync(10), 10);
        Assert.InRange(Hashing.Calls(large.Job.Folder).Length, 5, 75);
        AssertEachOnce(await slow, 150);
    }

    public void Dispose()
    {
        _workers.ForEach(w => w.Dispose());
        _server.Dispose();
        _store.Dispose();
    }

    private static void AssertEachOnce(List<WorkResult> results, int count)
    {
        Assert.All(results, r => Assert.Null(r.Failure));
        Assert.Equal(Enumerable.Range(0, count).Select(i => Hashing.Item(i).Key).Order(), results.Select(r => r.Item.Key).Order());
        Assert.All(results, r => Assert.Equal(Hashing.Expected(r.Item), Encoding.ASCII.GetString(r.Bytes.Span[..64])));
    }

    private void AddWorker(int cores = 1) => _workers.Add(WorkerProcess.OfContract(_server.Address, _store.Path, cores, Timing.Lease));

    private async Task<Bench> StartAsync(int workers, Hashing.Behaviour behaviour, string? job = null)
    {
        for (int i = 0; i < workers; i++)
            AddWorker();
        RedisLink link = await RedisLink.ConnectAsync($"{_server.Address},allowAdmin=true");
        JobContext context = Hashing.Prepare(Path.Combine(JobStore.Open(_store.Path).Jobs, job ?? JobStore.NewId("contract")), behaviour);
        return new Bench(link, new RedisEngine(link, Timing, "contract"), context);
    }

    private sealed class Bench(RedisLink link, RedisEngine engine, JobContext job) : IAsyncDisposable
    {
        public RedisLink Link => link;

        public JobContext Job => job;

        /// <summary>Waits until so many workers are there.</summary>
        public async Task WorkersAsync(int count)
        {
            while ((await new WorkerRegistry(link).ReadAsync(default)).Count < count)
                await Task.Delay(5);
        }

        public async Task<List<WorkResult>> RunAsync(int count, CancellationToken end = default, Func<int, string>? affinity = null)
        {
            List<WorkResult> results = [];
            using CancellationTokenSource patience = CancellationTokenSource.CreateLinkedTokenSource(end);
            patience.CancelAfter(TimeSpan.FromSeconds(60));
            await foreach (WorkResult result in engine.ExecuteAsync(job, ItemsAsync(count, affinity), patience.Token))
                results.Add(result);
            return results;
        }

        /// <summary>Waits until so many items have been begun.</summary>
        public async Task CallsAsync(int count)
        {
            while (Hashing.Calls(job.Folder).Length < count)
                await Task.Delay(5);
        }

        public async ValueTask DisposeAsync()
        {
            await engine.DisposeAsync();
            await link.DisposeAsync();
        }

        private static async IAsyncEnumerable<WorkItem> ItemsAsync(int count, Func<int, string>? affinity)
        {
            for (int i = 0; i < count; i++)
                yield return affinity is null ? Hashing.Item(i) : Hashing.Item(i, affinity(i));
            await Task.CompletedTask;
        }
    }
}
