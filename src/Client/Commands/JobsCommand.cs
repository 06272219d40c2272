using System.CommandLine;
using System.Globalization;
using QuantCluster.Client.Cluster;
using QuantCluster.Cluster;
using Spectre.Console;

namespace QuantCluster.Client.Commands;

/// <summary><c>quant jobs</c>: every job of a store.</summary>
internal static class JobsCommand
{
    public static Command Create()
    {
        Command command = new("jobs", "Lists the jobs of a cluster's store, newest first.") { ClusterPlace.Store };
        command.SetAction(parsed => Execute(ClusterPlace.StoreOf(parsed)));
        return command;
    }

    private static int Execute(JobStore store)
    {
        Table table = new Table().RoundedBorder().AddColumns("job", "model", "engine", "submitted", "state", "");
        foreach ((StoredJob job, JobState state) in store.All().Select(j => (j, j.ReadState())).OrderByDescending(j => j.Item2.Submitted))
        {
            table.AddRow(
                Markup.Escape(job.Id), Markup.Escape(state.Model), Markup.Escape(state.Engine),
                state.Submitted.ToLocalTime().ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture),
                state.Phase.ToString().ToLowerInvariant(), Markup.Escape(StateText.Of(state)));
        }

        Screen.Open().Write(table);
        return (int)ExitCode.Success;
    }
}
