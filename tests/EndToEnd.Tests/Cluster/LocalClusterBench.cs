using System.Diagnostics;
using System.Text.Json;

namespace QuantCluster.Tests.Cluster;

/// <summary>A folder in which <c>quant cluster up</c> has started a cluster, and the commands a user gives there.</summary>
public class LocalClusterBench : IAsyncLifetime
{
    /// <summary>Where it was built: the silo's program is found from there.</summary>
    private static readonly string Program = Path.GetFullPath(Samples.Path("../src/Client/bin/Release/net10.0/quant.dll"));

    private readonly string _engine;

    public LocalClusterBench(string engine) => _engine = engine;

    public Workbench Files { get; } = new();

    /// <summary>Ids of the processes that <c>up</c> started, and what it calls them.</summary>
    public IReadOnlyDictionary<string, int> Members
    {
        get
        {
            using JsonDocument state = JsonDocument.Parse(File.ReadAllBytes(Files[".quant-cluster/cluster.json"]));
            return state.RootElement.GetProperty("members").EnumerateArray().ToDictionary(m => m.GetProperty("name").GetString()!, m => m.GetProperty("id").GetInt32());
        }
    }

    public static bool CanRun => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Append("/usr/sbin").Any(f => File.Exists(Path.Combine(f, "redis-server")));

    public async ValueTask InitializeAsync()
    {
        if (!CanRun)
            return;
        ExternalModel.Write(Workbench.Cnn(), Files["apart.onnx"]);
        (await RunAsync("cluster", "up", "--workers", "2", "--engine", _engine)).MustSucceed();
    }

    public async ValueTask DisposeAsync()
    {
        if (CanRun && Members.Count > 0)
            await RunAsync("cluster", "down");
        Files.Dispose();
        GC.SuppressFinalize(this);
    }

    public async Task<Quant.Result> RunAsync(params string[] args)
    {
        using Process process = Start(args);
        return await Quant.FinishAsync(process);
    }

    public Process Start(params string[] args)
    {
        ProcessStartInfo start = new("dotnet", [Program, .. args])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Path.GetDirectoryName(Files.Model)!,
        };
        foreach (string variable in start.Environment.Keys.Where(k => k.StartsWith("QUANT_", StringComparison.Ordinal)).ToArray())
            start.Environment.Remove(variable);
        return Process.Start(start)!;
    }

    /// <summary>Submits a job whose bytes no timing decides.</summary>
    /// <returns>Its id.</returns>
    public async Task<string> SubmitAsync(string model, params string[] options)
    {
        Quant.Result result = await RunAsync(["submit", model, "--data", Files.Spec, "--speed", "ignore", .. options]);
        return result.MustSucceed();
    }
}

public sealed class RedisClusterBench() : LocalClusterBench("redis");

public sealed class OrleansClusterBench() : LocalClusterBench("orleans");
