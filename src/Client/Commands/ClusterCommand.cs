using System.CommandLine;
using QuantCluster.Client.Cluster;
using QuantCluster.Cluster;
using Spectre.Console;

namespace QuantCluster.Client.Commands;

/// <summary><c>quant cluster</c>: who is there; <c>up</c>, <c>down</c>, <c>status</c>: a cluster on this machine.</summary>
internal static class ClusterCommand
{
    private static readonly Option<string> Folder = new("--folder") { HelpName = "DIR", Description = "Where the cluster's state, logs and store are.", DefaultValueFactory = _ => LocalClusterState.DefaultFolder };
    private static readonly Option<int?> Workers = CountOption.Create("--workers", "Worker or silo processes. Default: one a core.");
    private static readonly Option<int?> Cores = CountOption.Create("--cores", "Work items at a time in each of them. Default: this machine's cores shared out.");

    public static Command Create()
    {
        Command up = new("up", "Starts a cluster on this machine: servers and workers, in the background.") { ClusterPlace.Engine, Workers, Cores, Folder };
        up.SetAction((parsed, _) => LocalCluster.UpAsync(
            ClusterEngines.Find(parsed.GetValue(ClusterPlace.Engine) ?? "redis"), Path.GetFullPath(parsed.GetValue(Folder)!), parsed.GetValue(Workers), parsed.GetValue(Cores)));
        Command down = new("down", "Ends exactly what 'up' started; jobs and their results stay.") { Folder };
        down.SetAction(parsed => LocalCluster.Down(Path.GetFullPath(parsed.GetValue(Folder)!)));
        Command status = new("status", "Says which processes of the cluster on this machine run.") { Folder };
        status.SetAction(parsed => LocalCluster.Status(Path.GetFullPath(parsed.GetValue(Folder)!)));
        Command command = new("cluster", "Shows who is in the cluster; starts and ends one on this machine.") { ClusterPlace.Engine, ClusterPlace.Address, ClusterPlace.Store, up, down, status };
        command.SetAction((parsed, _) => ShowAsync(parsed));
        return command;
    }

    private static async Task<int> ShowAsync(ParseResult parsed)
    {
        IClusterEngine engine = ClusterPlace.EngineOf(parsed);
        using Interruption interruption = new();
        await using ICluster cluster = await engine.ConnectAsync(ClusterPlace.AddressOf(parsed, engine), ClusterPlace.StoreOf(parsed), interruption.Token);
        IReadOnlyList<ClusterMember> members = await cluster.MembersAsync(interruption.Token);
        Table table = new Table().RoundedBorder().AddColumns("worker", "machine", "cores", "busy", "items done", "jobs", "up", "build");
        foreach (ClusterMember m in members)
        {
            table.AddRow(
                Markup.Escape(m.Name), Markup.Escape($"{m.Machine} ({m.Process})"), $"{m.Cores}", $"{m.Busy}", $"{m.Done}", $"{m.Jobs}",
                TimeSpans.Text(m.Uptime), m.Version == Jobs.QuantizationJob.ToolVersion ? "this" : "another");
        }

        Screen.Open().Write(table);
        Console.Out.WriteLine($"{Count(members.Count, "worker")}, {Count(members.Sum(m => m.Cores), "core")}, {members.Sum(m => m.Busy)} busy");
        return (int)ExitCode.Success;
    }

    private static string Count(int number, string what) => $"{number} {what}{(number == 1 ? "" : "s")}";
}
