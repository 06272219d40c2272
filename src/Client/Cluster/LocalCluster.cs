using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using QuantCluster.Cluster;

namespace QuantCluster.Client.Cluster;

/// <summary>A cluster on this machine: starts its processes in the background, and ends exactly those.</summary>
internal static class LocalCluster
{
    /// <summary>Above those of known services, below those that Linux gives to whoever asks for any.</summary>
    private const int FirstPort = 17000, EphemeralPorts = 32768;

    private static readonly TimeSpan PatienceAtStart = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan PatienceAtEnd = TimeSpan.FromSeconds(20);

    public static async Task<int> UpAsync(IClusterEngine engine, string folder, int? workers, int? cores)
    {
        if (LocalClusterState.Find(folder) is { } there && there.Members.Any(LocalProcess.IsRunning))
            throw new QuantException(ExitCode.Usage, $"{folder}: a cluster runs already. End it with 'quant cluster down', or choose another --folder.");
        int count = workers ?? Environment.ProcessorCount;
        LocalClusterPlan plan = new(
            OutputFolder.Create(folder, "the cluster's folder"), JobStore.Open(Path.Combine(folder, "store")).Root,
            count, cores ?? Math.Max(1, Environment.ProcessorCount / count), FreePorts());
        string logs = OutputFolder.Create(Path.Combine(folder, "logs"), "the folder for logs");
        LocalClusterState state = new(engine.Name, engine.AddressOf(plan), plan.Store, []);
        foreach (LocalService service in engine.ServicesOf(plan))
        {
            string log = Path.Combine(logs, $"{service.Name}.log");
            LocalMember member = LocalProcess.Start(service.Name, service.Command, log);

            // Written before it is ready: what is started can always be ended.
            state = state with { Members = [.. state.Members, member] };
            state.Save(folder);
            for (long begun = Stopwatch.GetTimestamp(); service.IsReady is { } ready && !ready(); await Task.Delay(50))
            {
                if (LocalProcess.IsRunning(member) && Stopwatch.GetElapsedTime(begun) < PatienceAtStart)
                    continue;
                Down(folder);
                throw new QuantException(ExitCode.Unavailable, $"{service.Name} did not start; its log: {log}");
            }
        }

        await AwaitMembersAsync(engine, state, plan);
        if (state.Members.FirstOrDefault(m => !LocalProcess.IsRunning(m)) is { } gone)
        {
            Down(folder);
            throw new QuantException(ExitCode.Unavailable, $"{gone.Name} has ended by itself; its log: {Path.Combine(logs, $"{gone.Name}.log")}");
        }

        Console.Error.WriteLine($"quant: {engine.Name} cluster with {plan.Workers} workers of {plan.Cores} core{(plan.Cores == 1 ? "" : "s")} at {state.Address}; store {plan.Store}; logs in {logs}");
        Console.Error.WriteLine("quant: hand it jobs with: quant submit MODEL --data SPEC.json");
        return (int)ExitCode.Success;
    }

    public static int Down(string folder)
    {
        LocalClusterState state = Require(folder);

        // Workers first, side by side, while their servers still answer.
        LocalMember[] running = [.. state.Members.Where(LocalProcess.IsRunning)];
        Parallel.ForEach(running.Skip(1), m => LocalProcess.End(m, PatienceAtEnd));
        foreach (LocalMember member in running.Take(1))
            LocalProcess.End(member, PatienceAtEnd);

        // Its store is still there for 'quant jobs' and 'quant fetch'.
        (state with { Members = [] }).Save(folder);
        string ended = running.Length == 0 ? "nothing ran any more" : $"ended {string.Join(", ", running.Select(m => m.Name))}";
        Console.Error.WriteLine($"quant: {ended}; jobs are kept in {state.Store}");
        return (int)ExitCode.Success;
    }

    public static int Status(string folder)
    {
        LocalClusterState state = Require(folder);
        Console.Out.WriteLine($"{state.Engine} cluster at {state.Address}, store {state.Store}");
        foreach (LocalMember member in state.Members)
            Console.Out.WriteLine($"{member.Name,-12} {member.Id,8}  {(LocalProcess.IsRunning(member) ? "runs" : "is gone")}");
        return (int)(state.Members.All(LocalProcess.IsRunning) ? ExitCode.Success : ExitCode.Unavailable);
    }

    private static LocalClusterState Require(string folder) => LocalClusterState.Find(folder) is { Members.Count: > 0 } state
        ? state
        : throw new QuantException(ExitCode.Usage, $"{folder}: no cluster runs there. 'quant cluster up' starts one.");

    private static async Task AwaitMembersAsync(IClusterEngine engine, LocalClusterState state, LocalClusterPlan plan)
    {
        await using ICluster cluster = await engine.ConnectAsync(state.Address, JobStore.Open(plan.Store), default);
        for (long begun = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(begun) < PatienceAtStart; await Task.Delay(100))
        {
            if ((await cluster.MembersAsync()).Count >= plan.Workers)
                return;
        }

        Console.Error.WriteLine("quant: not all workers have come yet; look at their logs");
    }

    /// <returns>The first of some ports that no one uses. Anywhere among them: clusters that are started at the same time must not meet.</returns>
    private static int FreePorts()
    {
        int[] places = [.. Enumerable.Range(0, (EphemeralPorts - FirstPort) / LocalClusterPlan.Ports)];
        Random.Shared.Shuffle(places);
        foreach (int first in places.Select(p => FirstPort + (p * LocalClusterPlan.Ports)))
        {
            if (Enumerable.Range(first, LocalClusterPlan.Ports).All(IsFree))
                return first;
        }

        throw new QuantException(ExitCode.Unavailable, "no free ports are left on this machine.");

        static bool IsFree(int port)
        {
            try
            {
                using Socket probe = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                probe.Bind(new IPEndPoint(IPAddress.Loopback, port));
                return true;
            }
            catch (SocketException)
            {
                return false;
            }
        }
    }
}
