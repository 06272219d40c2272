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
        Option<bool> json = new("--json") { Description = "Print one JSON object a line on stdout instead of a table." };
        Command command = new("jobs", "Lists the jobs of a cluster's store, newest first.") { json, ClusterPlace.Store };
        command.SetAction(parsed => Execute(ClusterPlace.StoreOf(parsed), parsed.GetValue(json)));
        return command;
    }

    private static int Execute(JobStore store, bool json)
    {
        (StoredJob Job, JobState State)[] jobs = [.. store.All().Select(j => (j, j.ReadState())).OrderByDescending(j => j.Item2.Submitted)];
        if (json)
        {
            foreach ((StoredJob job, JobState state) in jobs)
                Console.Out.WriteLine(state.ToJson(job.Id));
            return (int)ExitCode.Success;
        }

        Table table = new Table().RoundedBorder().AddColumns("job", "model", "engine", "submitted", "state", "");
        foreach ((StoredJob job, JobState state) in jobs)
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
