using System.Diagnostics;
using System.Globalization;
using QuantCluster.Cluster;
using QuantCluster.Jobs;
using QuantCluster.Tests.Chaos;
using QuantCluster.Tests.Jobs;
using QuantCluster.Workers;

namespace QuantCluster.Bench;

/// <summary>What an engine adds to an item that is hardly any work: one SHA-256 of a few bytes.</summary>
internal static class EngineOverhead
{
    private const int Items = 5000;

    public static async Task RunAsync()
    {
        Console.WriteLine($"\ncost of an item on each engine, {Items} items of no work, microseconds an item");
        using ScratchFolder scratch = new();
        JobStore store = JobStore.Open(scratch.Path);
        await MeasureAsync("local, 2 threads", new LocalEngine(2), store);
        if (!RedisServer.IsInstalled)
        {
            Console.WriteLine($"  {RedisServer.Missing}");
            return;
        }

        foreach (int workers in new[] { 1, 2 })
        {
            using RedisServer redis = new();
            List<WorkerProcess> processes = [.. Enumerable.Range(0, workers).Select(_ => WorkerProcess.OfContract(redis.Address, store.Root, 1, TimeSpan.FromSeconds(15)))];
            try
            {
                await using RedisLink link = await RedisLink.ConnectAsync(redis.Address);
                WorkerRegistry registry = new(link);
                while ((await registry.ReadAsync(default)).Count < workers)
                    await Task.Delay(20);
                await using RedisEngine engine = new(link, RedisTiming.Default, "contract");
                await MeasureAsync(string.Create(CultureInfo.InvariantCulture, $"redis, {workers} worker process{(workers == 1 ? "" : "es")} of one core"), engine, store);
            }
            finally
            {
                processes.ForEach(p => p.Dispose());
            }
        }

        foreach (Func<int, Task<ScaleCluster>> start in OrleansScaleClusters.OfContract)
        {
            foreach (int silos in new[] { 1, 2 })
            {
                await using ScaleCluster cluster = await start(silos);
                // Each warms up for the other.
                string name = string.Create(CultureInfo.InvariantCulture, $"orleans, {silos} silo{(silos == 1 ? "" : "s")} of one core");
                await CountAsync(cluster.Engine, Job(cluster.Store), 0..Items, layers: 16);
                await MeasureAsync(name, cluster.Engine, cluster.Store);
                await MeasureAsync(name + ", by 16 layers' grains", cluster.Engine, cluster.Store, layers: 16);
            }
        }
    }

    private static async Task MeasureAsync(string name, IWorkEngine engine, JobStore store, int layers = 0)
    {
        JobContext job = Job(store);
        await CountAsync(engine, job, 0..(Items / 5), layers);
        long begun = Stopwatch.GetTimestamp();
        await CountAsync(engine, job, Items..(2 * Items), layers);
        double microseconds = Stopwatch.GetElapsedTime(begun).TotalMicroseconds / Items;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {name,-52} {microseconds,8:0.0}"));
    }

    private static JobContext Job(JobStore store) => Hashing.Prepare(Path.Combine(store.Jobs, JobStore.NewId("overhead")), new() { IsQuiet = true });

    private static async Task CountAsync(IWorkEngine engine, JobContext job, Range items, int layers = 0)
    {
        int done = 0, count = items.End.Value - items.Start.Value;
        await foreach (WorkResult result in engine.ExecuteAsync(job, ItemsAsync(items, layers)))
            done += result.Failure is null ? 1 : throw new InvalidOperationException(result.Failure.Message);
        if (done != count)
            throw new InvalidOperationException($"{done} results of {count} items");
    }

    private static async IAsyncEnumerable<WorkItem> ItemsAsync(Range items, int layers)
    {
        for (int i = items.Start.Value; i < items.End.Value; i++)
            yield return layers == 0 ? Hashing.Item(i) : Hashing.Item(i) with { Layers = [$"{i % layers}"] };
        await Task.CompletedTask;
    }
}
