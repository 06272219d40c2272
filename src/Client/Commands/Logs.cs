using System.CommandLine;
using QuantCluster.Client.Cluster;
using QuantCluster.Cluster;

namespace QuantCluster.Client.Commands;

/// <summary><c>quant logs ID</c>: what happened to a job, a line each.</summary>
internal static class Logs
{
    public static Command Create()
    {
        Argument<string> id = JobArgument.Create();
        Command command = new("logs", "Prints what happened to a submitted job: who did what, and when.") { id, ClusterPlace.Store };
        command.SetAction(parsed =>
        {
            StoredJob job = ClusterPlace.ExistingStoreOf(parsed).Find(parsed.GetValue(id)!);
            if (!File.Exists(job.LogFile))
                return (int)ExitCode.Success;
            using FileStream stream = new(job.LogFile, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            Console.Out.Write(new StreamReader(stream).ReadToEnd());
            return (int)ExitCode.Success;
        });
        return command;
    }
}
