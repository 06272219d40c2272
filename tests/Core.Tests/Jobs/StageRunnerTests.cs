using System.Collections.Concurrent;
using System.Text;
using QuantCluster.Jobs;

namespace QuantCluster.Tests.Jobs;

public sealed class StageRunnerTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly Lengths _handler = new();

    [Fact]
    public async Task A_finished_stage_is_not_done_again_and_a_changed_input_is()
    {
        Assert.Equal("v1", await StageAsync("in"));
        Assert.Equal("v1", await StageAsync("in"));
        Assert.Equal(1, _computed);
        await StageAsync("other");
        Assert.Equal(2, _computed);
    }

    [Fact]
    public async Task A_stage_whose_value_was_damaged_is_done_again()
    {
        await StageAsync("in");
        foreach (string file in Directory.EnumerateFiles(_folder["job/blobs"], "*", SearchOption.AllDirectories))
            File.WriteAllText(file, "!");
        Assert.Equal("v1", await StageAsync("in"));
        Assert.Equal(2, _computed);
    }

    [Fact]
    public async Task A_run_stopped_in_the_middle_goes_on_with_the_items_that_are_left()
    {
        _handler.FailFrom = 4;
        QuantException e = await Assert.ThrowsAsync<QuantException>(() => ItemsAsync(1));
        Assert.Equal("item 4 is bad", e.Message);
        _handler.FailFrom = int.MaxValue;
        _handler.Done.Clear();
        Assert.Equal([.. Enumerable.Range(0, 8).Select(i => $"result {i}")], await ItemsAsync(2));
        Assert.Equal(["4", "5", "6", "7"], _handler.Done.Order());
    }

    [Fact]
    public async Task What_is_known_of_items_is_known_whatever_they_are_said_to_share()
    {
        List<string> results = await ItemsAsync(2);
        _handler.Done.Clear();
        Assert.Equal(results, await ItemsAsync(2, "all of them"));
        Assert.Empty(_handler.Done);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task Results_come_in_the_order_of_the_items(int workers) =>
        Assert.Equal([.. Enumerable.Range(0, 8).Select(i => $"result {i}")], await ItemsAsync(workers));

    public void Dispose() => _folder.Dispose();

    private int _computed;

    private async Task<string> StageAsync(string input)
    {
        using JobDirectory job = BareJob.Open(_folder);
        StageRunner runner = new(job, new LocalEngine(1));
        IReadOnlyDictionary<string, BlobId> outputs = await runner.RunAsync("test", [input], _ => new Dictionary<string, byte[]> { ["value"] = Encoding.UTF8.GetBytes("v" + Math.Min(++_computed, 1)) }, default);
        return Encoding.UTF8.GetString(await job.Blobs.GetAsync(outputs["value"]));
    }

    private async Task<List<string>> ItemsAsync(int workers, params string[] affinity)
    {
        using JobDirectory job = BareJob.Open(_folder);
        StageRunner runner = new(job, new LocalEngine(workers));
        List<WorkItem> items = [.. Enumerable.Range(0, 8).Select(i => new WorkItem(_handler.Kind, i.ToString()) { Affinity = affinity })];
        List<string> results = [];
        foreach (BlobId id in await runner.RunItemsAsync("test", items, new Dictionary<string, IWorkHandler> { [_handler.Kind] = _handler }, default))
            results.Add(Encoding.UTF8.GetString(await job.Blobs.GetAsync(id)));
        return results;
    }

    private sealed class Lengths : IWorkHandler
    {
        public string Kind => "write-number";

        public int FailFrom { get; set; } = int.MaxValue;

        public ConcurrentBag<string> Done { get; } = [];

        public async ValueTask<byte[]> ExecuteAsync(WorkItem item, JobContext job, CancellationToken cancellation)
        {
            int number = int.Parse(item.Argument);
            if (number >= FailFrom)
                throw new QuantException(ExitCode.BadData, $"item {number} is bad");
            await Task.Delay(10 - number, cancellation);
            Done.Add(item.Argument);
            return Encoding.UTF8.GetBytes($"result {number}");
        }
    }
}
