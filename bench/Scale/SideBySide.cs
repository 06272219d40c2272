using System.Diagnostics;
using System.Globalization;
using QuantCluster.Data;
using QuantCluster.Inference;
using QuantCluster.Tests;
using QuantCluster.Tests.Chaos;

namespace QuantCluster.Bench;

/// <summary>Plain inference in one process, and in two at a time: no engine can gain more than the machine gives.</summary>
internal static class SideBySide
{
    private const int Runs = 300;

    /// <returns>Seconds of so many runs alone, and of twice as many on two processes.</returns>
    public static (double Alone, double Together) Measure()
    {
        double alone = Start(0).Finish();
        Child[] two = [Start(0), Start(1)];
        return (alone, two.Max(c => c.Finish()));
    }

    /// <summary>The child process: prints how long its runs took.</summary>
    public static int Infer(string model, string spec, int runs)
    {
        using ModelSession session = ModelSession.Open(model, new SessionSettings { Threads = 1 });
        using IDataset data = Datasets.Open(DatasetSpec.Load(spec), session.Inputs);
        Sample sample = data.Read(0);
        for (int i = 0; i < runs / 4; i++)
            session.Run(sample).Dispose();
        long begun = Stopwatch.GetTimestamp();
        for (int i = 0; i < runs; i++)
            session.Run(sample).Dispose();
        Console.WriteLine(Stopwatch.GetElapsedTime(begun).TotalSeconds.ToString(CultureInfo.InvariantCulture));
        return 0;
    }

    private static Child Start(int core)
    {
        string anchors = AnchorFolder.Find()!;
        string[] command =
        [
            .. Wrapping.OnCore(core), "dotnet", typeof(SideBySide).Assembly.Location, "inference", Path.Combine(anchors, "models", "mobilenetv1_0.75_224.onnx"),
            Path.Combine(anchors, "cases", "mobilenetv1.calib.json"), Runs.ToString(CultureInfo.InvariantCulture),
        ];
        return new Child(Process.Start(new ProcessStartInfo(command[0], command.Skip(1)) { RedirectStandardOutput = true })!);
    }

    private sealed record Child(Process Process)
    {
        public double Finish()
        {
            double seconds = double.Parse(Process.StandardOutput.ReadToEnd(), CultureInfo.InvariantCulture);
            Process.WaitForExit();
            Process.Dispose();
            return seconds;
        }
    }
}
