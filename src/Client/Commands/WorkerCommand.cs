using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using QuantCluster.Client.Cluster;
using QuantCluster.Cluster;
using QuantCluster.Jobs;
using QuantCluster.Workers;

namespace QuantCluster.Client.Commands;

/// <summary><c>quant worker</c>: a process of a redis cluster. Also what does a job submitted with <c>--engine local</c>.</summary>
internal static class WorkerCommand
{
    private static readonly Option<string> Name = new("--name") { HelpName = "NAME", Description = "Unique in the cluster. Default: host name and process id." };
    private static readonly Option<int?> Cores = CountOption.Create("--cores", "Work items at a time, one thread each. Default: every core.");
    private static readonly Option<int> Jobs = new("--jobs") { HelpName = "N", Description = "Jobs it coordinates at a time; 0 for a worker that only does items.", DefaultValueFactory = _ => 2 };
    private static readonly Option<double> Lease = new("--lease") { HelpName = "SECONDS", Description = "A worker that is silent for so long is taken for dead. The same for all of a cluster.", DefaultValueFactory = _ => RedisTiming.Default.Lease.TotalSeconds };
    private static readonly Option<string> Job = new("--job") { HelpName = "ID", Description = "With --engine local: do this one job, and end.", Hidden = true };

    public static Command Create()
    {
        Command command = new("worker", "Works for a cluster until it is stopped (SIGTERM: finishes what it has begun).")
        {
            ClusterPlace.Engine, ClusterPlace.Address, ClusterPlace.Store, Name, Cores, Jobs, Lease, Job,
        };
        command.SetAction((parsed, _) => ExecuteAsync(parsed));
        return command;
    }

    private static async Task<int> ExecuteAsync(ParseResult parsed)
    {
        JobStore store = ClusterPlace.StoreOf(parsed);
        IClusterEngine engine = ClusterPlace.EngineOf(parsed);
        using CancellationTokenSource leave = new();
        using PosixSignalRegistration term = Register(PosixSignal.SIGTERM, leave), interrupt = Register(PosixSignal.SIGINT, leave);
        return engine.Name switch
        {
            "redis" => await WorkAsync(parsed, store, ClusterPlace.AddressOf(parsed, engine), leave.Token),
            "local" when parsed.GetValue(Job) is { } id => await DoAsync(store.Find(id), parsed.GetValue(Cores), leave.Token),
            _ => throw new QuantException(ExitCode.Usage, $"quant worker works for the redis engine, not for {engine.Name}."),
        };
    }

    private static async Task<int> WorkAsync(ParseResult parsed, JobStore store, string address, CancellationToken leave)
    {
        WorkerSettings settings = new()
        {
            Cores = parsed.GetValue(Cores) ?? Environment.ProcessorCount,
            Jobs = parsed.GetValue(Jobs),
            Timing = new RedisTiming { Lease = TimeSpan.FromSeconds(Math.Clamp(parsed.GetValue(Lease), 0.2, 3600)) },
        };
        if (parsed.GetValue(Name) is { } name)
            settings = settings with { Name = name };
        await using RedisLink link = await RedisLink.ConnectAsync(address, leave);
        await new RedisWorker(link, store, settings, RedisWorker.OpenFrom(store, settings), Log).RunAsync(leave);
        return (int)ExitCode.Success;
    }

    private static async Task<int> DoAsync(StoredJob job, int? cores, CancellationToken leave)
    {
        StoredJobRun run = new(job, $"{Environment.MachineName}-{Environment.ProcessId}", TimeProvider.System);
        JobState state = await run.RunAsync(new LocalEngine(cores ?? Environment.ProcessorCount), leave);
        return (int)(state.Code ?? ExitCode.CannotWrite);
    }

    private static PosixSignalRegistration Register(PosixSignal signal, CancellationTokenSource leave) => PosixSignalRegistration.Create(signal, context =>
    {
        // A second one ends it at once.
        context.Cancel = !leave.IsCancellationRequested;
        ThreadPool.QueueUserWorkItem(_ => leave.Cancel());
    });

    private static void Log(string line) =>
        Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{DateTimeOffset.UtcNow:yyyy-MM-ddTHH:mm:ss.fffZ} {line}"));
}
