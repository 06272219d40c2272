using System.CommandLine;
using QuantCluster.Client.Cluster;
using QuantCluster.Cluster;

namespace QuantCluster.Client.Commands;

/// <summary><c>quant cancel ID</c>: asks a job to stop.</summary>
internal static class Cancel
{
    public static Command Create()
    {
        Argument<string> id = JobArgument.Create();
        Command command = new("cancel", "Stops a submitted job.") { id, ClusterPlace.Store };
        command.SetAction(parsed =>
        {
            StoredJob job = ClusterPlace.ExistingStoreOf(parsed).Find(parsed.GetValue(id)!);
            JobState state = job.ReadState();
            if (state.IsOver)
            {
                Console.Error.WriteLine($"quant: {job.Id} is over already: {state.Phase.ToString().ToLowerInvariant()}.");
                return (int)ExitCode.Success;
            }

            job.Cancel();
            Console.Error.WriteLine($"quant: {job.Id} is asked to stop.");
            return (int)ExitCode.Success;
        });
        return command;
    }
}
