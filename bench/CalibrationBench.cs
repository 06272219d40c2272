using System.Diagnostics;
using System.Globalization;
using QuantCluster.Calibration;
using QuantCluster.Data;
using QuantCluster.Inference;
using QuantCluster.Numerics;
using QuantCluster.Onnx;
using QuantCluster.Ranges;

namespace QuantCluster.Bench;

/// <summary>
/// Plain inference, inference with taps, and the whole calibration pass over the same samples and threads, in turns
/// in one process: what counts is the ratio of the medians.
/// </summary>
internal static class CalibrationBench
{
    private const double SecondsPerRound = 0.25;
    private const int Rounds = 7;

    public static int Run(IEnumerable<CalibrationCase> cases)
    {
        Console.WriteLine($"{Rounds} rounds in turns, medians; ratio to plain inference over the same samples and threads");
        foreach (CalibrationCase @case in cases)
        {
            (OnnxModel model, IReadOnlyList<TapRequest> taps) = @case.Prepare();
            Console.WriteLine($"\n{@case.Name}: {taps.Count} taps");
            foreach (int threads in (int[])[1, 2])
                Measure(@case, model, taps, threads);
            Ranges(@case, model, taps);
            foreach ((int samples, int workers, int threads) in ((int, int, int)[])[(12, 1, 1), (48, 1, 1), (48, 2, 1)])
                Memory(@case.Name, samples, workers, threads);
        }

        return 0;
    }

    private static void Measure(CalibrationCase @case, OnnxModel model, IReadOnlyList<TapRequest> taps, int threads)
    {
        using ModelSession plain = ModelSession.Create(model, new SessionSettings { Threads = threads });
        using ModelSession tapped = Calibrator.OpenTapped(model, taps, threads);
        using ModelSession single = Calibrator.OpenTapped(model, taps, 1);
        using IDataset data = @case.Data(plain.Inputs);
        using LoadedSamples samples = new(data, CountFor(plain, data));
        string[] outputs = [.. tapped.Outputs.Select(o => o.Name).Where(n => taps.Any(t => t.Tensor == n))];

        CalibrationSettings settings = new() { BlockSize = 8, Threads = threads };
        TapRequest[] cheap = [.. taps.Select(t => t with { Histogram = false })];
        TapRequest[] channels = [.. taps.Select(t => t with { ChannelAxis = tapped.Outputs.FirstOrDefault(o => o.Name == t.Tensor) is { Shape.Length: 4 } ? 1 : -1 })];
        long values = 0;
        Progress last = new(p => values = p.Values);
        List<(string Name, Action Body)> variants =
        [
            ("plain inference", () => Infer(plain, samples, null)),
            ("with taps", () => Infer(tapped, samples, outputs)),
            ("pass, minimum and maximum only", () => Calibrator.Calibrate(tapped, cheap, samples, settings, null, default)),
            ("pass", () => Calibrator.Calibrate(tapped, taps, samples, settings, last, default)),
            ("pass, by channel too", () => Calibrator.Calibrate(tapped, channels, samples, settings, null, default)),
        ];
        if (threads > 1)
        {
            // Two blocks, or one worker would do it all.
            CalibrationSettings shared = settings with { Workers = threads, Threads = 1, BlockSize = Math.Min(8, samples.Count / threads) };
            variants.Add(($"pass, {threads} workers of 1 thread", () => Calibrator.Calibrate(single, taps, samples, shared, null, default)));
            variants.Add(("  by channel too", () => Calibrator.Calibrate(single, channels, samples, shared, null, default)));
        }

        double[] medians = Interleaved.Medians([.. variants.Select(v => v.Body)], Rounds);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"  {threads} thread{(threads > 1 ? "s" : "")}, {samples.Count} samples, {values / (double)samples.Count / 1e6:0.00} M values a sample"));
        for (int i = 0; i < variants.Count; i++)
        {
            double perSample = medians[i] / samples.Count;
            string perValue = i < 2 ? "" : string.Create(CultureInfo.InvariantCulture, $"  {(medians[i] - medians[1]) * 1e6 / values,6:0.00} ns/value over taps");
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"    {variants[i].Name,-32} {perSample,8:0.00} ms/sample  {medians[i] / medians[0],5:0.00}x{perValue}"));
        }
    }

    private static void Ranges(CalibrationCase @case, OnnxModel model, IReadOnlyList<TapRequest> taps)
    {
        using ModelSession tapped = Calibrator.OpenTapped(model, taps, 1);
        using IDataset data = @case.Data(tapped.Inputs);
        CalibrationStatistics statistics = Calibrator.Calibrate(tapped, taps, data, new CalibrationSettings { MaxSamples = 48 }, null, default);
        Console.Write($"  ranges of {taps.Count} tensors, {statistics.Tensors.Values.Sum(t => t.Histogram.Ranks.Length)} bins:");
        foreach (IRangeEstimator estimator in RangeEstimators.All)
        {
            Stopwatch watch = Stopwatch.StartNew();
            foreach (TensorStatistics tensor in statistics.Tensors.Values)
                estimator.Estimate(tensor, IntegerType.UInt8);
            Console.Write(string.Create(CultureInfo.InvariantCulture, $"  {estimator.Name} {watch.Elapsed.TotalMilliseconds:0} ms"));
        }

        Console.WriteLine();
    }

    private static void Memory(string name, int samples, int workers, int threads)
    {
        ProcessStartInfo start = new(Environment.ProcessPath!) { RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(start.FileName) == "dotnet")
            start.ArgumentList.Add(typeof(CalibrationBench).Assembly.Location);
        foreach (string argument in (string[])["memory", name, $"{samples}", $"{workers}", $"{threads}"])
            start.ArgumentList.Add(argument);
        using Process child = Process.Start(start)!;
        Console.Write("  " + child.StandardOutput.ReadToEnd());
        child.WaitForExit();
    }

    // Enough samples for a round to be worth timing.
    private static int CountFor(ModelSession session, IDataset data)
    {
        using LoadedSamples one = new(data, 1);
        Infer(session, one, null);
        Stopwatch watch = Stopwatch.StartNew();
        Infer(session, one, null);
        return Math.Clamp((int)(SecondsPerRound / watch.Elapsed.TotalSeconds), 4, 64);
    }

    private static void Infer(ModelSession session, LoadedSamples samples, string[]? outputs)
    {
        for (int i = 0; i < samples.Count; i++)
            session.Run(samples.Read(i), outputs).Dispose();
    }

    private sealed class Progress(Action<CalibrationProgress> action) : IProgress<CalibrationProgress>
    {
        public void Report(CalibrationProgress value) => action(value);
    }
}
