using QuantCluster.Cluster;
using QuantCluster.Grains;
using QuantCluster.Jobs;
using QuantCluster.Tests.Jobs;

namespace QuantCluster.Tests;

/// <summary>Candidates of a layer go by the layer's grain, which knows what is under way and what was answered when a coordinator dies.</summary>
public sealed class LayerGrainTests(ContractCluster contract) : IClassFixture<ContractCluster>, IAsyncLifetime
{
    private const int Layers = 4;

    private TestCluster _cluster = null!;

    public async ValueTask InitializeAsync()
    {
        _cluster = contract.Get();
        while (_cluster.Silos.Count < 3)
            await _cluster.AddAsync();
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Fact]
    public async Task Candidates_reach_their_shards_by_the_grain_of_their_layer_and_other_items_go_straight()
    {
        JobContext job = Prepare(new());
        AssertComplete(await RunAsync(_cluster.CreateEngine(), job, 20), 20);
        Assert.All(await DescribeAsync(job), l => Assert.Equal(0, l.SentOut));
        job = Prepare(new());
        AssertComplete(await RunAsync(new Layered(_cluster.CreateEngine(), Layers), job, 20), 20);
        Assert.All(await DescribeAsync(job), l => Assert.Equal((5, 0, 0, 0), (l.SentOut, l.Joined, l.GivenAgain, l.UnderWay)));
    }

    [Fact]
    public async Task What_a_dead_coordinator_had_under_way_or_was_just_told_is_not_done_again()
    {
        JobContext job = Prepare(new() { DelayMilliseconds = 2000 });
        Func<Task> bury = await DieAfterAsync(3, job, 9);
        LayerDescription[] before = await DescribeAsync(job);
        Assert.True(before.Sum(l => l.UnderWay) >= 2, $"{string.Join('\n', before.AsEnumerable())}\n{string.Join(' ', Hashing.Calls(job.Folder))}");

        // The journal of a coordinator that was killed may know nothing of what it was told last.
        AssertComplete(await RunAsync(new Layered(_cluster.CreateEngine(), Layers), job, 9), 9);
        string[] calls = Hashing.Calls(job.Folder);
        Assert.Equal(calls.Distinct().Order(), calls.Order());
        LayerDescription[] after = await DescribeAsync(job);
        Assert.True(after.Sum(l => l.Joined) >= 1, $"{string.Join('\n', after.AsEnumerable())}");
        Assert.True(after.Sum(l => l.GivenAgain) >= 3, $"{string.Join('\n', after.AsEnumerable())}");
        Assert.Equal(9, after.Sum(l => l.SentOut));
        await bury();
    }

    [Fact]
    public async Task What_a_coordinator_that_leaves_its_silo_has_under_way_is_not_done_again()
    {
        JobContext job = Prepare(new() { DelayMilliseconds = 2000 });
        using CancellationTokenSource farewell = new();
        OrleansEngine leaving = _cluster.CreateEngine(_cluster.Client, isLeaving: () => farewell.IsCancellationRequested);
        long asked = 0;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            int read = 0;
            await foreach (WorkResult _ in new Layered(leaving, Layers).ExecuteAsync(job, Items(9), farewell.Token))
            {
                if (++read != 3)
                    continue;
                await Task.Delay(600);
                asked = Environment.TickCount64;
                await farewell.CancelAsync();
            }
        });
        Assert.InRange(Environment.TickCount64 - asked, 0, 1000);
        Assert.True((await DescribeAsync(job)).Sum(l => l.UnderWay) >= 2);
        AssertComplete(await RunAsync(new Layered(_cluster.CreateEngine(), Layers), job, 9), 9);
        string[] calls = Hashing.Calls(job.Folder);
        Assert.Equal(calls.Distinct().Order(), calls.Order());
    }

    [Fact]
    public async Task An_answer_that_was_kept_and_cannot_be_read_any_more_is_made_again()
    {
        JobContext job = Prepare(new() { Padding = 100_000 });
        IWorkEngine engine = new Layered(_cluster.CreateEngine(), Layers);
        AssertComplete(await RunAsync(engine, job, 8), 8);
        foreach (string blob in Directory.EnumerateFiles(Path.Combine(job.Folder, "blobs"), "*", SearchOption.AllDirectories))
            File.Delete(blob);
        List<WorkResult> again = await RunAsync(engine, job, 8);
        AssertComplete(again, 8);
        Assert.All(again, r => Assert.Equal(100_064, r.Bytes.Length));
        Assert.Equal(16, Hashing.Calls(job.Folder).Length);
    }

    [Fact]
    public async Task When_the_silo_of_a_layers_grain_is_killed_what_others_do_for_it_is_not_done_again()
    {
        // One silo watches, two do the work: what the killed one itself was doing is the only thing that is begun twice.
        JobContext job = Prepare(new() { DelayMilliseconds = 400 });
        int read = 0;
        List<WorkResult> results = [];
        string killed = "";
        await foreach (WorkResult result in new Layered(_cluster.CreateEngine(), 1).ExecuteAsync(job, Items(30)))
        {
            results.Add(result);
            if (++read != 6)
                continue;
            SiloProcess watcher = _cluster.Silos.Single(s => s.Name == DescribeAsync(job, 1).Result[0].Silo);
            killed = watcher.Id;
            _cluster.Kill(watcher);
        }

        AssertComplete(results, 30);
        (string Argument, string Process)[] calls = Hashing.CallsAndProcesses(job.Folder);
        string[] twice = [.. calls.CountBy(c => c.Argument).Where(c => c.Value > 1).Select(c => c.Key)];
        Assert.All(twice, t => Assert.Contains(calls, c => c.Argument == t && c.Process == killed));
    }

    private JobContext Prepare(Hashing.Behaviour behaviour) => Hashing.Prepare(Path.Combine(_cluster.Store.Jobs, JobStore.NewId("contract")), behaviour);

    private Task<LayerDescription[]> DescribeAsync(JobContext job, int layers = Layers) =>
        Task.WhenAll(Layered.Ids(layers).Select(id => _cluster.Client.Grains.GetGrain<ILayerGrain>(WorkRoute.WatcherOf(Path.GetFileName(job.Folder), [id])).DescribeAsync()));

    /// <summary>A coordinator whose machine goes in the middle of it: it tells no one.</summary>
    /// <returns>Ends what is left of it in this process.</returns>
    private async Task<Func<Task>> DieAfterAsync(int results, JobContext job, int items)
    {
        CancellationTokenSource stop = new();
        OrleansCluster client = await _cluster.ConnectAsync();
        IAsyncEnumerator<WorkResult> run = new Layered(_cluster.CreateEngine(client), Layers).ExecuteAsync(job, Items(items), stop.Token).GetAsyncEnumerator(stop.Token);
        for (int i = 0; i < results; i++)
            Assert.True(await run.MoveNextAsync());

        // The next ones are begun.
        await Task.Delay(600);
        await client.DisposeAsync();
        return async () =>
        {
            await stop.CancelAsync();
            await Assert.ThrowsAnyAsync<Exception>(async () =>
            {
                while (await run.MoveNextAsync())
                {
                }
            });
            await run.DisposeAsync();
            stop.Dispose();
        };
    }

    private static async Task<List<WorkResult>> RunAsync(IWorkEngine engine, JobContext job, int count)
    {
        List<WorkResult> results = [];
        await foreach (WorkResult result in engine.ExecuteAsync(job, Items(count)))
            results.Add(result);
        return results;
    }

    private void AssertComplete(List<WorkResult> results, int count)
    {
        Assert.All(results, r => Assert.True(r.Failure is null, $"{r.Failure?.Message}\n{_cluster.Output}"));
        Assert.All(results, r => Assert.StartsWith(Hashing.Expected(r.Item), System.Text.Encoding.ASCII.GetString(r.Bytes.Span)));
        Assert.Equal(Enumerable.Range(0, count), results.Select(r => int.Parse(r.Item.Argument, System.Globalization.CultureInfo.InvariantCulture)).Order());
    }

    private static IAsyncEnumerable<WorkItem> Items(int count) => Enumerable.Range(0, count).Select(Hashing.Item).ToAsyncEnumerable();
}
