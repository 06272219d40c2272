using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using QuantCluster.Calibration;
using QuantCluster.Data;
using QuantCluster.Inference;
using QuantCluster.Jobs;
using QuantCluster.Onnx;
using QuantCluster.Planning;
using QuantCluster.Preparation;

namespace QuantCluster.Client.Commands;

/// <summary><c>quant calibrate MODEL --data SPEC --out FILE</c>: one pass, statistics of every tensor that will be quantized.</summary>
internal static class Calibrate
{
    public static Command Create()
    {
        Argument<string> model = new("MODEL") { Description = "The trained model, an .onnx file." };
        Option<string> data = new("--data") { HelpName = "SPEC.json", Required = true, Description = "Representative inputs: a data spec, or a bare file or folder when the model has one input." };
        Option<string> output = new("--out", "-o") { HelpName = "FILE", Required = true, Description = "Where the statistics are written; 'quant stats FILE' shows them." };
        Option<int?> samples = CountOption.Create("--samples", "Use only the first N samples. Default: all.");
        Option<int?> workers = CountOption.Create("--workers", "Samples run side by side. Default: one a thread, at most 4. Never changes the result.");
        Option<int?> threads = CountOption.Create("--threads", "Threads in all, shared by the workers. Default: every core. Never changes the result.");
        Option<bool> channels = new("--channels") { Description = "Also figures by channel: axis 1 of tensors of rank 3 and more." };
        Option<bool> json = new("--json") { Description = "Print one JSON object on stdout." };
        Command command = new("calibrate", "Runs a model over representative inputs once and writes statistics of every tensor that will be quantized.")
        {
            model, data, output, samples, workers, threads, channels, json,
        };
        command.SetAction(async (parsed, _) =>
        {
            JobSettings run = new() { Workers = parsed.GetValue(workers) ?? 0, Threads = parsed.GetValue(threads) ?? 0 };
            int atATime = QuantizationJob.WorkersOf(run);
            CalibrationSettings settings = new()
            {
                MaxSamples = parsed.GetValue(samples) ?? int.MaxValue,
                Workers = atATime,
                Threads = Math.Max(1, QuantizationJob.ThreadsOf(run) / atATime),
            };
            string path = Path.GetFullPath(parsed.GetValue(output)!);
            AtomicFile.EnsureWritable(path, "--out");
            Stopwatch watch = Stopwatch.StartNew();
            using Interruption interruption = new();
            CalibrationStatistics statistics = await ProgressDisplay.ShowAsync(progress => Task.Run(() =>
                Gather(parsed.GetValue(model)!, parsed.GetValue(data)!, settings, parsed.GetValue(channels), progress, interruption.Token)));
            statistics.Save(path);
            Report(statistics, path, watch.Elapsed, parsed.GetValue(json));
            return (int)ExitCode.Success;
        });
        return command;
    }

    private static CalibrationStatistics Gather(
        string model, string data, CalibrationSettings settings, bool channels, IProgress<JobProgress>? progress, CancellationToken cancellation)
    {
        using JobSources sources = JobSources.Open(model, data, null, new JobSettings(), cancellation);
        foreach (string assumption in sources.Assumptions)
            Console.Error.WriteLine($"quant: {assumption}");
        (ModelSession tapped, TapRequest[] taps) = Open(sources, channels, settings.Threads, cancellation);
        using (tapped)
        {
            UnusedMemory.Return();
            return Calibrator.Calibrate(tapped, taps, sources.Data, settings, progress is null ? null : new Relay(progress), cancellation);
        }
    }

    private static (ModelSession Tapped, TapRequest[] Taps) Open(JobSources sources, bool channels, int threads, CancellationToken cancellation)
    {
        Sample sample = sources.Data.Read(0);
        UnusedMemory.Return();
        OnnxModel prepared = Preparer.Prepare(sources.Model!, sample, new PreparationSettings(), cancellation, sources.TakeSession()).Model;
        sources.ReleaseModel();
        UnusedMemory.Return();
        IReadOnlyDictionary<string, TensorShape> shapes = TensorProbe.Observe(prepared, sample);
        QuantizationPlan plan = Planner.Plan(prepared, shapes, PlanSettings.Default);
        TapRequest[] taps = [.. plan.Points.Select(p => new TapRequest(p.Tensor, channels && shapes[p.Tensor].Rank >= 3 ? 1 : -1))];
        return (Calibrator.OpenTapped(prepared, taps, threads), taps);
    }

    private static void Report(CalibrationStatistics statistics, string path, TimeSpan elapsed, bool json)
    {
        long values = statistics.Tensors.Values.Sum(t => t.Count), broken = statistics.Tensors.Values.Sum(t => t.NaNs + t.Infinities);
        using Process process = Process.GetCurrentProcess();
        double peak = process.PeakWorkingSet64 / 1e6;
        if (json)
        {
            using Utf8JsonWriter writer = new(Console.OpenStandardOutput(), new JsonWriterOptions { Indented = true });
            writer.WriteStartObject();
            writer.WriteString("statistics", path);
            writer.WriteNumber("samples", statistics.Samples);
            writer.WriteNumber("tensors", statistics.Tensors.Count);
            writer.WriteNumber("values", values);
            writer.WriteNumber("not_finite", broken);
            writer.WriteNumber("seconds", Math.Round(elapsed.TotalSeconds, 3));
            writer.WriteNumber("peak_rss_mb", Math.Round(peak, 1));
            writer.WriteEndObject();
            return;
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{statistics.Tensors.Count} tensors, {values / 1e6:0.0} million values of {statistics.Samples} samples in {elapsed.TotalSeconds:0.0} s, peak memory {peak:0} MB."));
        if (broken > 0)
            Console.WriteLine($"Beware: {broken} values are NaN or infinite; they are left out of the ranges. 'quant stats' shows where.");
        Console.WriteLine($"{path}: see it with 'quant stats'.");
    }

    private sealed class Relay(IProgress<JobProgress> target) : IProgress<CalibrationProgress>
    {
        public void Report(CalibrationProgress value) => target.Report(new JobProgress("calibrate", value.Samples, value.TotalSamples));
    }
}
