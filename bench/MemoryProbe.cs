using System.Diagnostics;
using System.Globalization;
using QuantCluster.Calibration;
using QuantCluster.Data;
using QuantCluster.Inference;
using QuantCluster.Onnx;

namespace QuantCluster.Bench;

/// <summary>One pass in a process of its own, whose peak memory tells what the pass needs.</summary>
internal static class MemoryProbe
{
    public static int Run(string name, int samples, int workers, int threads)
    {
        CalibrationCase @case = CalibrationCases.All().Single(c => c.Name == name);
        Stopwatch watch = Stopwatch.StartNew();
        (OnnxModel model, IReadOnlyList<TapRequest> taps) = @case.Prepare();
        using ModelSession tapped = Calibrator.OpenTapped(model, taps, threads);
        using IDataset data = @case.Data(tapped.Inputs);
        double before = Peak();
        CalibrationStatistics statistics = Calibrator.Calibrate(
            tapped, taps, data, new CalibrationSettings { MaxSamples = samples, Workers = workers, Threads = threads }, null, default);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"peak memory of a process with {statistics.Samples} samples, {workers} worker(s) of {threads} thread(s): {Peak():0} MB ({before:0} MB before the pass), {watch.Elapsed.TotalSeconds:0.0} s"));
        return 0;
    }

    private static double Peak()
    {
        using Process process = Process.GetCurrentProcess();
        return process.PeakWorkingSet64 / 1e6;
    }
}
