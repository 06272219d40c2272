using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;
using QuantCluster.Jobs;

namespace QuantCluster.Tests.Jobs;

public sealed class StageItemsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly Slow _handler = new();

    [Fact]
    public async Task An_item_that_two_ask_for_at_once_is_done_and_journalled_once()
    {
        using JobDirectory job = BareJob.Open(_folder);
        await using StageItems items = Open(job, 2);
        WorkItem[] all = [.. Enumerable.Range(0, 12).Select(Item)];
        IReadOnlyList<BlobId>[] results = await Task.WhenAll(
            items.RunAsync(all, default), items.RunAsync([.. all.Reverse()], default), items.RunAsync([all[3], all[3]], default));
        Assert.Equal(results[0], results[1].Reverse());
        Assert.Equal([results[0][3], results[0][3]], results[2]);
        Assert.Equal(12, _handler.Done.Count);
        Assert.Equal(12, Lines());
    }

    [Fact]
    public async Task Who_asks_later_does_not_wait_for_what_others_asked_for()
    {
        using JobDirectory job = BareJob.Open(_folder);
        await using StageItems items = Open(job, 2);
        _handler.Gate = new TaskCompletionSource();
        Task first = items.RunAsync([new WorkItem("slow", "gated")], default);
        await items.RunAsync([Item(1)], default).WaitAsync(TimeSpan.FromSeconds(20));
        Assert.False(first.IsCompleted);
        _handler.Gate.SetResult();
        await first;
    }

    [Fact]
    public async Task A_failing_item_fails_all_who_ask_with_its_message_and_leaves_nothing_running()
    {
        using JobDirectory job = BareJob.Open(_folder);
        await using StageItems items = Open(job, 2);
        _handler.Gate = new TaskCompletionSource();
        Task waiting = items.RunAsync([new WorkItem("slow", "gated"), Item(5)], default);
        QuantException failed = await Assert.ThrowsAsync<QuantException>(() => items.RunAsync([new WorkItem("slow", "bad")], default));
        Assert.Equal("it is bad", failed.Message);
        Assert.Equal("it is bad", (await Assert.ThrowsAsync<QuantException>(() => waiting)).Message);
        Assert.Equal(0, _handler.Running);
        Assert.Equal("it is bad", (await Assert.ThrowsAsync<QuantException>(() => items.RunAsync([Item(7)], default))).Message);
    }

    [Fact]
    public async Task What_was_finished_before_a_run_was_stopped_is_not_done_again()
    {
        using CancellationTokenSource stop = new();
        WorkItem[] all = [.. Enumerable.Range(0, 40).Select(Item)];
        using (JobDirectory job = BareJob.Open(_folder))
        {
            await using StageItems items = Open(job, 2);
            Task<IReadOnlyList<BlobId>> half = items.RunAsync(all[..20], stop.Token), rest = items.RunAsync(all[20..], stop.Token);
            await items.RunAsync(all[..6], default);
            await stop.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => half);
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => rest);
            Assert.Equal(0, _handler.Running);
        }

        int before = Lines();
        Assert.InRange(before, 6, 39);
        _handler.Done.Clear();
        using JobDirectory again = BareJob.Open(_folder);
        await using StageItems resumed = Open(again, 2);
        await resumed.RunAsync(all, default);
        Assert.Equal(40 - before, _handler.Done.Count);
        Assert.Equal(40, Lines());
    }

    [Fact]
    public async Task Seconds_are_those_in_which_something_is_asked_for_and_count_once()
    {
        double seconds;
        WorkItem[] all = [.. Enumerable.Range(0, 6).Select(Item)];
        using (JobDirectory job = BareJob.Open(_folder))
        {
            StageRunner runner = new(job, new LocalEngine(3));
            long began = Stopwatch.GetTimestamp();
            await using (StageItems items = runner.Open("test", Handlers))
            {
                await Task.WhenAll(items.RunAsync(all[..4], default), items.RunAsync(all[2..], default));
                seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
                await Task.Delay(400);
                long more = Stopwatch.GetTimestamp();
                await items.RunAsync([Item(6), .. all], default);
                seconds += Stopwatch.GetElapsedTime(more).TotalSeconds;
            }

            Assert.InRange(runner.SecondsOf("test"), 0.01, seconds);
            seconds = runner.SecondsOf("test");
        }

        using JobDirectory again = BareJob.Open(_folder);
        StageRunner resumed = new(again, new LocalEngine(3));
        await using StageItems known = resumed.Open("test", Handlers);
        await Task.WhenAll(known.RunAsync([.. all, Item(6)], default), known.RunAsync(all, default));
        Assert.Equal(seconds, resumed.SecondsOf("test"), 9);
    }

    [Fact]
    public async Task Progress_never_goes_back_while_items_are_left()
    {
        using JobDirectory job = BareJob.Open(_folder);
        Reports reports = new();
        await using StageItems items = new StageRunner(job, new LocalEngine(2), reports).Open("test", Handlers);
        await Task.WhenAll(Enumerable.Range(0, 5).Select(i => items.RunAsync([.. Enumerable.Range(4 * i, 4).Select(Item)], default)));
        Assert.Equal(new JobProgress("test", 20, 20), reports.All[^1]);
        Assert.All(reports.All.Zip(reports.All.Skip(1)), r => Assert.True(r.Second.Done >= r.First.Done && r.Second.Total >= r.First.Total));
    }

    public void Dispose() => _folder.Dispose();

    private Dictionary<string, IWorkHandler> Handlers => new() { [_handler.Kind] = _handler };

    private StageItems Open(JobDirectory job, int workers) => new StageRunner(job, new LocalEngine(workers)).Open("test", Handlers);

    private int Lines() => File.ReadLines(_folder["job/journal.jsonl"]).Count();

    private static WorkItem Item(int i) => new("slow", $"{i}");

    private sealed class Reports : IProgress<JobProgress>
    {
        public List<JobProgress> All { get; } = [];

        public void Report(JobProgress value) => All.Add(value);
    }

    private sealed class Slow : IWorkHandler
    {
        private int _running;

        public string Kind => "slow";

        public int Running => Volatile.Read(ref _running);

        public TaskCompletionSource? Gate { get; set; }

        public ConcurrentBag<string> Done { get; } = [];

        public async ValueTask<byte[]> ExecuteAsync(WorkItem item, JobContext job, CancellationToken cancellation)
        {
            Interlocked.Increment(ref _running);
            try
            {
                if (item.Argument == "bad")
                    throw new QuantException(ExitCode.BadData, "it is bad");
                if (item.Argument == "gated")
                    await Gate!.Task.WaitAsync(cancellation);
                await Task.Delay(5, cancellation);
                Done.Add(item.Argument);
                return Encoding.UTF8.GetBytes($"result {item.Argument}");
            }
            finally
            {
                Interlocked.Decrement(ref _running);
            }
        }
    }
}
