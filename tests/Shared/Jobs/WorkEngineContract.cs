using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using System.Threading.Channels;
using QuantCluster.Jobs;

namespace QuantCluster.Tests.Jobs;

/// <summary>What every engine must keep to. An engine's tests derive from this and say how to make one.</summary>
/// <remarks>Items are <see cref="Hashing"/>'s, which works the same in whatever process it is opened.</remarks>
public abstract class WorkEngineContract : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    /// <summary>An engine that does as many items at a time.</summary>
    protected abstract IWorkEngine Create(int workers);

    /// <summary>Processes that do the items, of one core each where there are as many workers.</summary>
    protected virtual int Processes => 1;

    /// <summary>
    /// Of 16 items that share something, how many one worker does at least. Where another may take what was meant for one, both have
    /// what they did then, and either is right for the rest.
    /// </summary>
    protected virtual int LeastTogether => 8;

    /// <summary>A folder for a new job, where the engine's workers find it.</summary>
    protected virtual string NewFolder() => _folder[Guid.NewGuid().ToString("N")];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(8)]
    public async Task Every_item_gives_exactly_one_result_and_the_same_bytes_whatever_the_number_of_workers(int workers)
    {
        List<WorkItem> items = [.. Enumerable.Range(0, 200).Select(i => Hashing.Item(i))];
        Dictionary<string, string> results = [];
        await foreach (WorkResult result in Create(workers).ExecuteAsync(Job(), Stream(items)))
        {
            Assert.Null(result.Failure);
            results.Add(result.Item.Argument, Encoding.UTF8.GetString(result.Bytes.Span));
        }

        Assert.Equal(200, results.Count);
        Assert.All(items, i => Assert.Equal(Hashing.Expected(i), results[i.Argument]));
    }

    [Fact]
    public async Task No_items_give_no_results()
    {
        await foreach (WorkResult _ in Create(2).ExecuteAsync(Job(), Stream([])))
            Assert.Fail("a result of nothing");
    }

    [Fact]
    public async Task An_item_that_fails_for_a_moment_is_tried_again()
    {
        JobContext job = Job(new() { FailingArgument = "5", FailingAttempts = IWorkEngine.MaximumAttempts - 1, Message = "for a moment" });
        List<WorkResult> results = await RunAsync(Create(2), job, 10);
        Assert.All(results, r => Assert.Null(r.Failure));
        Assert.Equal(IWorkEngine.MaximumAttempts, results.Single(r => r.Item.Argument == "5").Attempts);
    }

    [Fact]
    public async Task A_poisoned_item_is_reported_after_three_attempts_and_the_others_finish()
    {
        List<WorkResult> results = await RunAsync(Create(2), Job(new() { FailingArgument = "3", Message = "poison" }), 20);
        Assert.Equal(20, results.Count);
        WorkResult failed = Assert.Single(results, r => r.Failure is not null);
        Assert.Equal("3", failed.Item.Argument);
        Assert.Equal(IWorkEngine.MaximumAttempts, failed.Attempts);
        Assert.Equal($"{Hashing.KindName} 3 failed 3 times, last with: poison", failed.Failure!.Message);
    }

    [Fact]
    public async Task Wrong_input_is_reported_at_once_in_its_own_words()
    {
        JobContext job = Job(new() { FailingArgument = "3", Message = "sample 3 holds NaN", IsBadData = true });
        WorkResult failed = Assert.Single(await RunAsync(Create(2), job, 5), r => r.Failure is not null);
        Assert.Equal(new WorkFailure(ExitCode.BadData, "sample 3 holds NaN"), failed.Failure);
        Assert.Equal(1, failed.Attempts);
    }

    [Fact]
    public async Task An_item_no_one_can_do_is_reported()
    {
        List<WorkResult> results = [];
        await foreach (WorkResult result in Create(1).ExecuteAsync(Job(), Stream([new WorkItem("unheard-of", "1")])))
            results.Add(result);
        Assert.Equal("no one here does work items of kind 'unheard-of'", Assert.Single(results).Failure!.Message);
    }

    [Fact]
    public async Task Items_are_taken_only_as_results_are_read()
    {
        const int Workers = 2;
        int taken = 0, read = 0, mostAhead = 0;
        await foreach (WorkResult _ in Create(Workers).ExecuteAsync(Job(), Counted(300)))
        {
            if (++read % 50 == 0)
                await Task.Delay(20);
            mostAhead = Math.Max(mostAhead, Volatile.Read(ref taken) - read);
        }

        Assert.Equal(300, read);
        Assert.InRange(mostAhead, 0, (4 * Workers) + 4);

        async IAsyncEnumerable<WorkItem> Counted(int count)
        {
            for (int i = 0; i < count; i++)
            {
                Interlocked.Increment(ref taken);
                yield return Hashing.Item(i);
            }

            await Task.CompletedTask;
        }
    }

    [Fact]
    public async Task Items_that_share_something_are_done_by_one_worker_while_there_are_others_for_the_others()
    {
        const int Each = 16;
        IWorkEngine engine = Create(Processes);
        JobContext job = Job(new() { DelayMilliseconds = 30 });
        WorkItem[] items = [.. Enumerable.Range(0, Each * Processes).Select(i => Hashing.Item(i, $"{i / Each} more", $"{i / Each}"))];

        // A process that has just come, on a machine that is busy, does nothing while others do most.
        await RunAsync(engine, job, [.. Enumerable.Range(items.Length, 8 * Processes).Select(Hashing.Item)]);
        List<WorkResult> results = await RunAsync(engine, job, items);
        Assert.Equal(items.Select(i => i.Key).Order(), results.Select(r => r.Item.Key).Order());
        Assert.All(results, r => Assert.Equal(Hashing.Expected(r.Item), Encoding.UTF8.GetString(r.Bytes.Span)));

        // Who is done with his own at the end, and who came first in the beginning, takes some of another's; and after eight rounds
        // what suits nobody free is done by whoever is.
        var mostly = Hashing.CallsAndProcesses(job.Folder).GroupBy(c => int.Parse(c.Argument, CultureInfo.InvariantCulture) / Each)
            .Where(shared => shared.Key < Processes).Select(shared => shared.CountBy(c => c.Process).MaxBy(c => c.Value)).ToArray();
        Assert.All(mostly, m => Assert.InRange(m.Value, LeastTogether, Each));
        Assert.Equal(Processes, mostly.Select(m => m.Key).Distinct().Count());
    }

    [Fact]
    public async Task No_worker_is_idle_because_items_suit_another_better()
    {
        JobContext job = Job(new() { DelayMilliseconds = 30 });
        await RunAsync(Create(Processes), job, [.. Enumerable.Range(0, 20 * Processes).Select(i => Hashing.Item(i, "all"))]);
        Dictionary<string, int> done = Hashing.CallsAndProcesses(job.Folder).CountBy(c => c.Process).ToDictionary();
        Assert.Equal(Processes, done.Count);
        Assert.All(done.Values, d => Assert.InRange(d, 10, 20 * Processes));
    }

    [Fact]
    public async Task A_source_that_has_nothing_for_a_while_goes_on_without_delay()
    {
        Channel<WorkItem> posted = Channel.CreateUnbounded<WorkItem>();
        await using IAsyncEnumerator<WorkResult> results = Create(2).ExecuteAsync(Job(), posted.Reader.ReadAllAsync()).GetAsyncEnumerator();
        List<TimeSpan> rounds = [];
        for (int round = 0; round < 6; round++)
        {
            long began = Stopwatch.GetTimestamp();
            WorkItem[] items = [.. Enumerable.Range(3 * round, 3).Select(i => Hashing.Item(i))];
            foreach (WorkItem item in items)
                await posted.Writer.WriteAsync(item);
            HashSet<string> done = [];
            for (int i = 0; i < items.Length; i++)
            {
                Assert.True(await results.MoveNextAsync());
                Assert.Equal(Hashing.Expected(results.Current.Item), Encoding.UTF8.GetString(results.Current.Bytes.Span));
                done.Add(results.Current.Item.Key);
            }

            Assert.Equal(items.Select(i => i.Key).Order(), done.Order());
            rounds.Add(Stopwatch.GetElapsedTime(began));
            await Task.Delay(150);
        }

        // The first may open what it needs; others may be late on a busy machine, but not all.
        Assert.InRange(rounds.Skip(1).Min().TotalMilliseconds, 0, 100);
        posted.Writer.Complete();
        Assert.False(await results.MoveNextAsync());
    }

    [Fact]
    public async Task A_run_ends_at_once_while_its_source_has_nothing()
    {
        Channel<WorkItem> posted = Channel.CreateUnbounded<WorkItem>();
        using CancellationTokenSource stop = new();
        await posted.Writer.WriteAsync(Hashing.Item(0));
        JobContext job = Job();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (WorkResult _ in Create(2).ExecuteAsync(job, posted.Reader.ReadAllAsync(CancellationToken.None), stop.Token))
                stop.CancelAfter(50);
        }).WaitAsync(TimeSpan.FromSeconds(10));

        await posted.Writer.WriteAsync(Hashing.Item(1));
        await Task.Delay(60);
        Assert.Equal(["0"], Hashing.Calls(job.Folder));
    }

    [Fact]
    public async Task Cancellation_ends_the_run_and_leaves_nothing_running()
    {
        using CancellationTokenSource stop = new();
        JobContext job = Job(new() { DelayMilliseconds = 5 });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            int read = 0;
            await foreach (WorkResult _ in Create(2).ExecuteAsync(job, Endless(stop.Token), stop.Token))
            {
                if (++read == 5)
                    await stop.CancelAsync();
            }
        });
        await AssertQuietAsync(job);
    }

    [Fact]
    public async Task A_reader_that_leaves_early_leaves_nothing_running()
    {
        JobContext job = Job(new() { DelayMilliseconds = 5 });
        await foreach (WorkResult _ in Create(2).ExecuteAsync(job, Endless(default)))
            break;
        await AssertQuietAsync(job);
    }

    [Fact]
    public async Task A_failing_source_of_items_is_the_readers_error()
    {
        InvalidDataException e = await Assert.ThrowsAsync<InvalidDataException>(async () =>
        {
            await foreach (WorkResult _ in Create(2).ExecuteAsync(Job(), Broken()))
            {
            }
        });
        Assert.Equal("no more items", e.Message);

        static async IAsyncEnumerable<WorkItem> Broken()
        {
            yield return Hashing.Item(0);
            await Task.Yield();
            throw new InvalidDataException("no more items");
        }
    }

    public virtual void Dispose()
    {
        _folder.Dispose();
        GC.SuppressFinalize(this);
    }

    private protected JobContext Job(Hashing.Behaviour? behaviour = null) => Hashing.Prepare(NewFolder(), behaviour);

    private protected static Task<List<WorkResult>> RunAsync(IWorkEngine engine, JobContext job, int count) =>
        RunAsync(engine, job, [.. Enumerable.Range(0, count).Select(i => Hashing.Item(i))]);

    private protected static async Task<List<WorkResult>> RunAsync(IWorkEngine engine, JobContext job, IReadOnlyList<WorkItem> items)
    {
        List<WorkResult> results = [];
        await foreach (WorkResult result in engine.ExecuteAsync(job, Stream(items)))
            results.Add(result);
        return results;
    }

    private static async Task AssertQuietAsync(JobContext job)
    {
        int calls = Hashing.Calls(job.Folder).Length;
        await Task.Delay(60);
        Assert.Equal(calls, Hashing.Calls(job.Folder).Length);
    }

    private static async IAsyncEnumerable<WorkItem> Stream(IEnumerable<WorkItem> items)
    {
        foreach (WorkItem item in items)
            yield return item;
        await Task.CompletedTask;
    }

    private static async IAsyncEnumerable<WorkItem> Endless([EnumeratorCancellation] CancellationToken cancellation)
    {
        for (int i = 0; ; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            yield return Hashing.Item(i);
            await Task.Yield();
        }
    }
}
