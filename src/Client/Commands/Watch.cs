using System.CommandLine;
using QuantCluster.Client.Cluster;

namespace QuantCluster.Client.Commands;

/// <summary><c>quant watch ID</c>: how a job goes, until it is over. Leaving does not stop the job.</summary>
internal static class Watch
{
    public static Command Create()
    {
        Argument<string> id = JobArgument.Create();
        Option<bool> json = new("--json") { Description = "Print each change as one JSON object a line on stdout." };
        Command command = new("watch", "Shows how a submitted job goes, until it is over; ends with the job's exit code.") { id, json, ClusterPlace.Store };
        command.SetAction(async (parsed, _) =>
        {
            using Interruption interruption = new() { Farewell = "" };
            return await JobWatch.ShowAsync(ClusterPlace.ExistingStoreOf(parsed).Find(parsed.GetValue(id)!), interruption, parsed.GetValue(json));
        });
        return command;
    }
}
