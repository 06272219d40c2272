using System.Runtime.CompilerServices;
using System.Text.Json;
using QuantCluster.Jobs;
using QuantCluster.Search;
using QuantCluster.Tests.Data;
using QuantCluster.Tests.Jobs;
using QuantCluster.Tests.Search.Sensitivity;

namespace QuantCluster.Tests.Search;

/// <summary>Jobs that end in the middle of their search, in the middle of a step, and go on.</summary>
public sealed class BrokenOffSearchTests : IDisposable
{
    private const int Samples = 36;

    private readonly TemporaryFolder _folder = new();

    [Fact]
    public async Task A_job_cancelled_with_items_under_way_ends_in_the_same_bytes_and_no_item_is_journalled_twice()
    {
        byte[] whole = await RunAsync("whole", new LocalEngine(2));
        foreach (int after in (int[])[2, 40])
        {
            string name = $"cancelled-{after}";
            using CancellationTokenSource cancel = new();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => RunAsync(name, new Meddling(after, cancel.Cancel), cancel.Token));
            string[] before = Keys(name);
            Assert.False(File.Exists(_folder[$"{name}.onnx"]));
            Assert.InRange(ModelJob.Trials(_folder, name).Length, 1, ModelJob.Trials(_folder, "whole").Length - 1);

            Assert.Equal(whole, await RunAsync(name, new LocalEngine(2)));
            Assert.Equal(before, Keys(name)[..before.Length]);
            Assert.Equal(Keys("whole").Order(), Keys(name).Order());
        }
    }

    [Fact]
    public async Task An_item_that_fails_for_good_ends_the_job_with_its_message_and_the_job_goes_on_when_the_reason_is_gone()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "skipped: moves files that are being read");
        using DataFolder folder = new();
        string data = folder.Path("data"), hidden = folder.Path("hidden");
        Random random = new(3);
        for (int s = 0; s < Samples; s++)
            folder.Npy<float>($"data/{s:00}.npy", "<f4", [1, 4, 8, 8], [.. Enumerable.Range(0, 4 * 8 * 8).Select(_ => random.NextSingle())]);
        byte[] whole = await RunAsync("whole", new LocalEngine(2), data: data);

        Meddling hiding = new(25, () => Directory.Move(data, hidden));
        QuantException failed = await Assert.ThrowsAsync<QuantException>(() => RunAsync("broken", hiding, data: data));
        Assert.Equal(ExitCode.BadData, failed.Code);
        Assert.Matches($@"^{data}/\d\d\.npy: no such file\.$", failed.Message);
        Assert.False(File.Exists(_folder["broken.onnx"]));
        Assert.InRange(ModelJob.Trials(_folder, "broken").Length, 1, ModelJob.Trials(_folder, "whole").Length - 1);

        Directory.Move(hidden, data);
        Assert.Equal(whole, await RunAsync("broken", new LocalEngine(2), data: data));
        Assert.Equal(Keys("whole").Order(), Keys("broken").Order());
    }

    public void Dispose() => _folder.Dispose();

    private async Task<byte[]> RunAsync(string name, IWorkEngine engine, CancellationToken cancellation = default, string? data = null)
    {
        JobSettings settings = new() { Synthetic = data is null ? Samples : null, Workers = 2, Threads = 2 };
        await ModelJob.RunAsync(_folder, name, SensitivityNetworks.Chain(outlier: 20), settings, new SearchSettings { Trials = 50 }, data, engine: engine, cancellation: cancellation);
        return File.ReadAllBytes(_folder[$"{name}.onnx"]);
    }

    /// <summary>What is journalled of the search, in the order in which it was: as it is in the file, so that twice is twice.</summary>
    private string[] Keys(string name)
    {
        string[] lines = File.ReadAllLines(_folder[$"{name}/journal.jsonl"]);
        return [.. lines.Select(l => JsonSerializer.Deserialize<JsonElement>(l)).Where(r => Meddling.IsOfSearch(Text(r, "kind"))).Select(r => Text(r, "key"))];

        static string Text(JsonElement record, string member) => record.GetProperty(member).GetString()!;
    }

    /// <summary>The local engine; does something once, when some items of the search are finished and others under way.</summary>
    private sealed class Meddling(int after, Action meddle) : IWorkEngine
    {
        private readonly LocalEngine _local = new(2);
        private int _begun, _finished, _isDone;

        public string Name => _local.Name;

        public static bool IsOfSearch(string kind) => kind is "evaluate-trial" or "correct-trial";

        public async IAsyncEnumerable<WorkResult> ExecuteAsync(JobContext job, IAsyncEnumerable<WorkItem> items, [EnumeratorCancellation] CancellationToken cancellation = default)
        {
            await foreach (WorkResult result in _local.ExecuteAsync(job, CountAsync(items, cancellation), cancellation))
            {
                yield return result;
                if (IsOfSearch(result.Item.Kind) && ++_finished >= after && Volatile.Read(ref _begun) > _finished && Interlocked.Exchange(ref _isDone, 1) == 0)
                    meddle();
            }
        }

        private async IAsyncEnumerable<WorkItem> CountAsync(IAsyncEnumerable<WorkItem> items, [EnumeratorCancellation] CancellationToken cancellation)
        {
            await foreach (WorkItem item in items.WithCancellation(cancellation))
            {
                if (IsOfSearch(item.Kind))
                    Interlocked.Increment(ref _begun);
                yield return item;
            }
        }
    }
}
