using System.Diagnostics;
using System.Globalization;
using QuantCluster.Calibration;
using QuantCluster.Jobs;
using QuantCluster.Jobs.Stages;
using QuantCluster.Tests.Chaos;

namespace QuantCluster.Bench;

/// <summary>Merging the statistics of large blocks: by the coordinator alone, and as work items of each engine.</summary>
internal static class MergeCost
{
    private const int Blocks = 8, Tensors = 4_000;

    public static async Task RunAsync()
    {
        using ScratchFolder scratch = new();
        byte[][] blocks = [.. Enumerable.Range(0, Blocks).Select(i => BytesOf(MadeUpStatistics.Of(Tensors, i)))];
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"\nmerging {Blocks} blocks of {Tensors} tensors, {blocks.Sum(b => b.LongLength) / 1e6:0} MB, seconds"));
        foreach ((string name, Func<Task<ScaleCluster>> start) in Engines())
        {
            await using ScaleCluster cluster = await start();
            await using StageWork work = await StageWork.PrepareAsync(cluster, DigitsJob.Model, DigitsJob.Data);
            (double alone, double spread) = await MeasureAsync(work.Context, blocks);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {name,-24} coordinator alone {alone,6:0.00}   as items {spread,6:0.00}   {alone / spread:0.00}x"));
        }
    }

    private static IEnumerable<(string Name, Func<Task<ScaleCluster>> Start)> Engines()
    {
        foreach (int threads in new[] { 1, 2 })
            yield return (string.Create(CultureInfo.InvariantCulture, $"local, {threads} at a time"), () => Task.FromResult<ScaleCluster>(new LocalScaleCluster(threads)));
        if (!RedisServer.IsInstalled)
            yield break;
        foreach ((string name, Func<int, Task<ScaleCluster>> start) in ScaleCluster.Kinds)
            yield return ($"{name}, 2 of one core", () => start(2));
    }

    private static async Task<(double Alone, double Spread)> MeasureAsync(StageContext context, byte[][] blocks)
    {
        List<BlobId> ids = [];
        foreach (byte[] block in blocks)
            ids.Add(await context.Directory.Blobs.PutAsync(block));
        double alone = double.MaxValue, spread = double.MaxValue;
        for (int round = 0; round < 2; round++)
        {
            long begun = Stopwatch.GetTimestamp();
            CalibrationStatistics one = await MergeStatistics.MergeAsync(context.Directory.Blobs, ids, .., default);
            alone = Math.Min(alone, Stopwatch.GetElapsedTime(begun).TotalSeconds);
            begun = Stopwatch.GetTimestamp();
            CalibrationStatistics other = await CalibrateStage.MergeByItemsAsync(context, Tensors, $"round {round}", ids, default);
            spread = Math.Min(spread, Stopwatch.GetElapsedTime(begun).TotalSeconds);
            if (BytesOf(one).AsSpan().SequenceEqual(BytesOf(other)) is false)
                throw new InvalidOperationException("merged by items the statistics are others");
        }

        return (alone, spread);
    }

    private static byte[] BytesOf(CalibrationStatistics statistics)
    {
        using MemoryStream stream = new();
        StatisticsFile.Write(statistics, stream);
        return stream.ToArray();
    }
}
