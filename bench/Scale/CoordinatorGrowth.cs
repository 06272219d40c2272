using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using QuantCluster.Calibration;
using QuantCluster.Jobs;

namespace QuantCluster.Bench;

/// <summary>
/// A coordinator without workers: fake items that are answered at once. How its time and memory grow with layers,
/// blocks and trials, and what that comes to for 10,000 layers, 1,000 blocks and 100,000 trials.
/// </summary>
internal static class CoordinatorGrowth
{
    private const int Layers = 10_000, Blocks = 1_000, Trials = 100_000;

    public static async Task RunAsync()
    {
        Console.WriteLine("\ncoordinator alone, fake items answered at once");
        Console.WriteLine("  journalled items   seconds   us/item   items/s   memory MB   journal MB");
        double perItem = 0, bytesPerItem = 0, journalPerItem = 0;
        foreach (int items in new[] { 1_000, 4_000, 16_000 })
        {
            using ScratchFolder scratch = new();
            (double seconds, long memory, long journal) = await JournalAsync(Path.Combine(scratch.Path, "job"), items);
            (perItem, bytesPerItem, journalPerItem) = (seconds / items, (double)memory / items, (double)journal / items);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"  {items,16} {seconds,9:0.0} {perItem * 1e6,9:0} {items / seconds,9:0} {memory / 1e6,11:0.0} {journal / 1e6,12:0.0}"));
        }

        Console.WriteLine("  layers merged      blocks    ms/block   statistics MB");
        double perMerge = 0, statisticsBytes = 0;
        foreach (int layers in new[] { 1_000, 4_000, Layers })
        {
            (double milliseconds, long memory) = Merge(layers, 12);
            (perMerge, statisticsBytes) = (milliseconds, memory);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {layers,13} {12,11} {milliseconds,11:0.0} {memory / 1e6,15:0.0}"));
        }

        Console.WriteLine($"  for {Layers} layers, {Blocks} blocks, {Trials} trials:");
        double items2 = Blocks + (Layers / 8.0) + Trials;
        Line("calibration, merging all blocks", Blocks * perMerge / 1e3, statisticsBytes / 1e6);
        Line("items, if each trial is one block", items2 * perItem, items2 * bytesPerItem / 1e6, items2 * journalPerItem / 1e6);
        double every = Blocks + (Layers / 8.0) + ((double)Trials * Blocks);
        Line("items, if each trial runs every block", every * perItem, every * bytesPerItem / 1e6, every * journalPerItem / 1e6);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"  1,000 workers are kept busy by one coordinator while an item takes them more than {1000 * perItem:0.00} s"));

        static void Line(string what, double seconds, double megabytes, double? journal = null) => Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"    {what,-40} {seconds,12:0} s {megabytes,12:0} MB memory{(journal is { } j ? string.Create(CultureInfo.InvariantCulture, $" {j,10:0} MB journal") : "")}"));
    }

    private static async Task<(double Seconds, long Memory, long Journal)> JournalAsync(string folder, int count)
    {
        JobSpecification specification = new() { Tool = "bench", Model = new JobInput("none", "none"), Output = "none", Settings = new JobSettings() };
        using JobDirectory directory = JobDirectory.Create(folder, specification);
        long before = GC.GetTotalMemory(forceFullCollection: true);
        StageRunner runner = new(directory, new AtOnce());
        WorkItem[] items = [.. Enumerable.Range(0, count).Select(i => new WorkItem("trial", i.ToString(CultureInfo.InvariantCulture), "model", "plan"))];
        long begun = Stopwatch.GetTimestamp();
        IReadOnlyList<BlobId> results = await runner.RunItemsAsync("trials", items, new Dictionary<string, IWorkHandler>(), default);
        double seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;
        long memory = GC.GetTotalMemory(forceFullCollection: true) - before;
        GC.KeepAlive(results);
        GC.KeepAlive(items);
        return (seconds, memory, new FileInfo(Path.Combine(folder, "journal.jsonl")).Length);
    }

    private static (double Milliseconds, long Memory) Merge(int layers, int blocks)
    {
        long before = GC.GetTotalMemory(forceFullCollection: true);
        CalibrationStatistics block = MadeUpStatistics.Of(layers, seed: 5);
        CalibrationStatistics total = block;
        long begun = Stopwatch.GetTimestamp();
        for (int i = 1; i < blocks; i++)
            total = CalibrationStatistics.Merge(total, block);
        double milliseconds = Stopwatch.GetElapsedTime(begun).TotalMilliseconds / (blocks - 1);
        long memory = GC.GetTotalMemory(forceFullCollection: true) - before;
        GC.KeepAlive(total);
        return (milliseconds, memory);
    }

    /// <summary>Workers without number that need no time.</summary>
    private sealed class AtOnce : IWorkEngine
    {
        public string Name => "at once";

        public async IAsyncEnumerable<WorkResult> ExecuteAsync(
            JobContext job, IAsyncEnumerable<WorkItem> items, [EnumeratorCancellation] CancellationToken cancellation = default)
        {
            await foreach (WorkItem item in items.WithCancellation(cancellation))
                yield return new WorkResult(item, System.Text.Encoding.ASCII.GetBytes(item.Key), null, 1, TimeSpan.Zero);
        }
    }
}
