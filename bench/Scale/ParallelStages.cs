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
    private const int Rounds = 4;

    public static async Task RunAsync(string[] engines, string[] stages, double seconds)
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
            using StageWork alone = await StageWork.PrepareAsync(one, model, data), together = await StageWork.PrepareAsync(two, model, data);
            Console.WriteLine($"\nmobilenetv1 on {name} workers of one core each, warm, {Rounds} rounds in turns");
            Console.WriteLine("  stage         items   1 worker s   2 workers s     gain   coordinator");
            foreach (string stage in StageWork.Names.Where(s => stages.Length == 0 || stages.Contains(s)))
                await MeasureAsync(stage, alone, together, seconds);
        }

        (double single, double both) = SideBySide.Measure();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"  {"inference",-12} {"",6} {2 * single,12:0.00} {both,13:0.00} {2 * single / both,7:0.00}x   two plain processes, a core each: what this machine can give"));
    }

    private static async Task MeasureAsync(string stage, StageWork alone, StageWork together, double seconds)
    {
        // Sessions, data and code are warm after these; and how many items a round takes is known.
        await together.RunAsync(stage, 24);
        await alone.RunAsync(stage, 12);
        double each = (await alone.RunAsync(stage, 12)).Seconds / 12;
        int items = Math.Max(8, (int)(seconds / Rounds / each) / 2 * 2);
        double one = 0, two = 0, own = 0;
        for (int round = 0; round < Rounds; round++)
        {
            one += (await alone.RunAsync(stage, items)).Seconds;
            (double time, double busy) = await together.RunAsync(stage, items);
            (two, own) = (two + time, own + busy);
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"  {stage,-12} {Rounds * items,6} {one,12:0.00} {two,13:0.00} {one / two,7:0.00}x   {own / two,6:0.0%} of a core"));
    }
}
