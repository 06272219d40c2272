using System.Globalization;
using QuantCluster.Tests;
using QuantCluster.Tests.Chaos;

namespace QuantCluster.Bench;

/// <summary>
/// Calibration and trials of MobileNetV1 on two workers of one core beside one such worker. Both clusters stand side by
/// side, warm, and work in turns, so that a machine that is slow for a while is so for both.
/// </summary>
internal static class ParallelStages
{
    public static async Task RunAsync(string[] engines, string[] stages, double seconds, bool plain)
    {
        if (AnchorFolder.Find() is not { } anchors || !RedisServer.IsInstalled)
        {
            Console.WriteLine("scale, parallel: needs the anchor models (QUANT_ANCHORS) and a redis-server");
            return;
        }

        string model = Path.Combine(anchors, "models", "mobilenetv1_0.75_224.onnx"), data = Path.Combine(anchors, "cases", "mobilenetv1.calib.json");
        foreach ((string name, Func<int, Task<ScaleCluster>> start) in ScaleCluster.Kinds.Where(k => engines.Length == 0 || engines.Contains(k.Name)))
        {
            await using ScaleCluster one = await start(1), two = await start(2);
            await using StageWork alone = await StageWork.PrepareAsync(one, model, data), together = await StageWork.PrepareAsync(two, model, data);
            await using StageWork? asTheyCome = plain ? await StageWork.PrepareAsync(two, model, data, new PlainEngine(two.Engine)) : null;
            Console.WriteLine($"\nmobilenetv1 on {name} workers of one core each, warm, in turns");
            Console.WriteLine($"  stage         items   1 worker s   2 workers s     work     busy     gain   coordinator   {(plain ? "       as they come s     work     gain" : "")}");
            foreach (string stage in StageWork.Names.Where(s => stages.Length == 0 || stages.Contains(s)))
                await MeasureAsync(stage, alone, together, asTheyCome, seconds);
        }

        (double single, double both) = SideBySide.Measure();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"  {"inference",-12} {"",6} {2 * single,12:0.00} {both,13:0.00} {2 * single / both,7:0.00}x   two plain processes, a core each: what this machine can give"));
    }

    private static async Task MeasureAsync(string stage, StageWork alone, StageWork together, StageWork? asTheyCome, double seconds)
    {
        // Sessions, data and code are warm after these; and how many items a round takes is known.
        int warm = StageWork.IsSearch(stage) ? 1 : 12;
        StageWork[] all = asTheyCome is null ? [alone, together] : [alone, together, asTheyCome];
        foreach (StageWork work in all)
            await work.RunAsync(stage, warm);
        foreach (StageWork work in all.Skip(1))
            await work.RunAsync(stage, warm);
        int rounds = RoundsOf(stage);
        Times first = await alone.RunAsync(stage, warm);
        int items = Math.Max(StageWork.IsSearch(stage) ? 1 : 8, (int)(seconds / rounds / first.Seconds * first.Items) / 2 * 2);
        Times one = default, two = default, plain = default;
        for (int round = 0; round < rounds; round++)
        {
            one += await alone.RunAsync(stage, items);
            two += await together.RunAsync(stage, items);
            if (asTheyCome is not null)
                plain += await asTheyCome.RunAsync(stage, items);
        }

        string compared = asTheyCome is null ? "" : string.Create(CultureInfo.InvariantCulture, $"   {plain.Seconds,12:0.00} {plain.Workers / one.Workers,7:0.00}x {one.Seconds / plain.Seconds,7:0.00}x");
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"  {stage,-12} {two.Items,6} {one.Seconds,12:0.00} ({one.Busy / one.Seconds:0.0%}) {two.Seconds,13:0.00} {two.Workers / one.Workers,7:0.00}x {two.Busy / two.Seconds / 2,8:0.0%} {one.Seconds / two.Seconds,7:0.00}x   {two.Coordinator / two.Seconds,6:0.0%} of a core{compared}"));
    }

    /// <summary>A search is walked in two halves: chains go ahead of one another, which they cannot where they are stopped often.</summary>
    private static int RoundsOf(string stage) => StageWork.IsSearch(stage) ? 2 : 4;
}
