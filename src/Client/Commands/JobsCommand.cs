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
        command.SetAction(parsed => Execute(ClusterPlace.ExistingStoreOf(parsed), parsed.GetValue(json)));
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

        if (jobs.Length == 0)
        {
            Console.Out.WriteLine($"no jobs yet in {store.Root}; hand one in with: quant submit MODEL --data SPEC.json");
            return (int)ExitCode.Success;
        }

        Table table = new Table().RoundedBorder().AddColumns("job", "model", "engine", "submitted", "state", "");

        // An id is there to be copied: it stays in one piece, and the last column gives way.
        foreach (TableColumn column in table.Columns.Where((_, i) => i is 0 or 3 or 4))
            column.NoWrap();
        DateTime today = DateTime.Today;
        foreach ((StoredJob job, JobState state) in jobs)
        {
            table.AddRow(
                Markup.Escape(job.Id), Markup.Escape(state.Model), Markup.Escape(state.Engine),
                When(state.Submitted.ToLocalTime()),
                state.Phase.ToString().ToLowerInvariant(), Markup.Escape(StateText.Of(state)));
        }

        Screen.Open().Write(table);
        return (int)ExitCode.Success;

        string When(DateTimeOffset time) => time.ToString(time.Date == today ? "HH:mm:ss" : "yyyy-MM-dd", CultureInfo.InvariantCulture);
    }
}
