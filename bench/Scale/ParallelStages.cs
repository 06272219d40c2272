using System.Diagnostics;
using System.Globalization;
using QuantCluster.Cluster;
using QuantCluster.Jobs;
using QuantCluster.Search.Sensitivity;
using QuantCluster.Tests;
using QuantCluster.Tests.Chaos;
using QuantCluster.Workers;

namespace QuantCluster.Bench;

/// <summary>Calibration and trials of MobileNetV1 on two workers of one core beside one such worker, in turns.</summary>
internal static class ParallelStages
{
    private const int Rounds = 1;
    private const double LeaseSeconds = 15;

    public static async Task RunAsync()
    {
        if (AnchorFolder.Find() is not { } anchors || !RedisServer.IsInstalled)
        {
            Console.WriteLine("scale, parallel: needs the anchor models (QUANT_ANCHORS) and a redis-server");
            return;
        }

        Dictionary<int, Dictionary<string, List<double>>> seconds = new() { [1] = [], [2] = [] };
        for (int round = 0; round < Rounds; round++)
        {
            foreach (int workers in (int[])[1, 2])
            {
                foreach ((string stage, double time) in await MeasureAsync(anchors, workers))
                {
                    if (!seconds[workers].TryGetValue(stage, out List<double>? times))
                        seconds[workers][stage] = times = [];
                    times.Add(time);
                }
            }
        }

        Console.WriteLine($"\nmobilenetv1 on redis workers of one core each, seconds");
        Console.WriteLine("  stage          1 worker   2 workers   gain");
        (double alone, double together) = SideBySide.Measure();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"  {"inference",-12} {2 * alone,9:0.00} {together,11:0.00} {2 * alone / together,6:0.00}x   two plain processes, for what this machine's two cores can give"));
        foreach (string stage in seconds[1].Keys)
        {
            double one = seconds[1][stage].Min(), two = seconds[2][stage].Min();
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {stage,-12} {one,9:0.00} {two,11:0.00} {one / two,6:0.00}x"));
        }
    }

    private static async Task<IReadOnlyDictionary<string, double>> MeasureAsync(string anchors, int workers)
    {
        using TestCluster cluster = new(LeaseSeconds);
        for (int i = 0; i < workers; i++)
            cluster.AddWorker();
        JobSettings settings = new() { Threads = 1, Workers = 2 };
        using JobSources given = JobSources.Open(
            Path.Combine(anchors, "models", "mobilenetv1_0.75_224.onnx"), Path.Combine(anchors, "cases", "mobilenetv1.calib.json"), null, settings);
        JobSpecification request = DigitsJob.Specify(given, settings, "sensitivity.json") with { Sensitivity = new SensitivitySettings { Samples = 16 } };
        StoredJob stored = new JobSubmission(cluster.Store).Submit(request, "bench", TimeProvider.System.GetUtcNow());
        await using RedisLink link = await RedisLink.ConnectAsync(cluster.Redis.Address);
        WorkerRegistry registry = new(link);
        while ((await registry.ReadAsync(default)).Count < workers)
            await Task.Delay(20);
        await using RedisEngine engine = new(link, new RedisTiming { Lease = TimeSpan.FromSeconds(LeaseSeconds) }, QuantizationJob.ToolVersion);
        using JobDirectory directory = JobDirectory.Open(stored.Folder, QuantizationJob.ToolVersion);
        Directory.CreateDirectory(Path.GetDirectoryName(directory.Specification.Output)!);
        using JobSources sources = JobSources.Reopen(directory.Specification);
        StageTimes times = new();
        await new SensitivityJob(directory, sources, engine, times).RunAsync(default);
        return times.Seconds;
    }

    /// <summary>From the first to the last report of each stage that has items.</summary>
    private sealed class StageTimes : IProgress<JobProgress>
    {
        private readonly Dictionary<string, long> _begun = [];
        private readonly Lock _lock = new();

        public Dictionary<string, double> Seconds { get; } = [];

        public void Report(JobProgress value)
        {
            lock (_lock)
            {
                if (value.Total <= 1 || value.Detail is not null)
                    return;
                if (value.Done == 0)
                    _begun[value.Stage] = Stopwatch.GetTimestamp();
                else if (value.Done == value.Total)
                    Seconds[value.Stage] = Seconds.GetValueOrDefault(value.Stage) + Stopwatch.GetElapsedTime(_begun[value.Stage]).TotalSeconds;
            }
        }
    }
}
