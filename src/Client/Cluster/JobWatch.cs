using System.Diagnostics;
using QuantCluster.Cluster;
using Spectre.Console;

namespace QuantCluster.Client.Cluster;

/// <summary>Follows a job's state file: live on a terminal, a line for each change elsewhere, for people or for programs.</summary>
internal static class JobWatch
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LineEvery = TimeSpan.FromSeconds(5);

    /// <returns>The job's exit code; <see cref="ExitCode.Cancelled"/> where the watcher left.</returns>
    public static async Task<int> ShowAsync(StoredJob job, Interruption interruption, bool json = false)
    {
        JobState state = job.ReadState();
        try
        {
            state = json ? await JsonAsync(job, interruption.Token)
                : Console.IsOutputRedirected ? await LinesAsync(job, interruption.Token)
                : await LiveAsync(job, interruption.Token);
        }
        catch (OperationCanceledException)
        {
            Console.Error.WriteLine($"quant: the job goes on; look again with: quant watch {job.Id}");
            return (int)ExitCode.Cancelled;
        }

        if (state.Message is { } message)
            Console.Error.WriteLine($"quant: {message}");
        if (state.Phase == JobPhase.Finished)
            Console.Error.WriteLine($"quant: finished; fetch the model with: quant fetch {job.Id} --out OUT.onnx");
        return (int)(state.Code ?? ExitCode.Success);
    }

    private static async Task<JobState> JsonAsync(StoredJob job, CancellationToken stop)
    {
        for (string said = ""; ; await Task.Delay(Pause, stop))
        {
            JobState state = job.ReadState();
            string line = state.ToJson(job.Id);
            if (line != said)
                Console.Out.WriteLine(said = line);
            if (state.IsOver)
                return state;
        }
    }

    private static async Task<JobState> LinesAsync(StoredJob job, CancellationToken stop)
    {
        string said = "";
        long when = 0;
        while (true)
        {
            JobState state = job.ReadState();
            string line = Line(state), news = $"{state.Phase} {state.Stage} {state.Coordinator}";
            if (news != said || (state.Phase == JobPhase.Running && Stopwatch.GetElapsedTime(when) > LineEvery))
            {
                Console.Out.WriteLine(line);
                (said, when) = (news, Stopwatch.GetTimestamp());
            }

            if (state.IsOver)
                return state;
            await Task.Delay(Pause, stop);
        }
    }

    private static async Task<JobState> LiveAsync(StoredJob job, CancellationToken stop)
    {
        return await AnsiConsole.Live(new Text("")).AutoClear(true).StartAsync(async context =>
        {
            List<string> stages = [];
            while (true)
            {
                JobState state = job.ReadState();
                if (state.Stage is { } stage && (stages.Count == 0 || stages[^1] != stage))
                    stages.Add(stage);
                context.UpdateTarget(Draw(job, state, stages));
                if (state.IsOver)
                    return state;
                await Task.Delay(Pause, stop);
            }
        });
    }

    private static Grid Draw(StoredJob job, JobState state, List<string> stages)
    {
        Grid grid = new Grid().AddColumn(new GridColumn().NoWrap()).AddColumn();
        Row("job", $"{job.Id}  {state.Model}");
        Row("state", $"{state.Phase.ToString().ToLowerInvariant()}{(state.Coordinator is { } by ? $", coordinated by {by}" : "")}{(state.Coordinators > 1 ? $" (coordinator number {state.Coordinators})" : "")}");
        if (stages.Count > 1)
            Row("done", string.Join(", ", stages[..^1]));
        Row("now", StateText.Of(state));
        if (state is { Phase: JobPhase.Running, Total: > 1 })
            grid.AddRow(new Text(""), new BreakdownChart().HideTags().Width(60).AddItem("", state.Done, Color.Green).AddItem("", Math.Max(0, state.Total - state.Done), Color.Grey23));
        return grid;

        void Row(string name, string text) => grid.AddRow(new Text(name, new Style(Color.Grey)), new Text(text));
    }

    private static string Line(JobState state)
    {
        string what = StateText.Of(state);
        return what.Length == 0 ? state.Phase.ToString().ToLowerInvariant() : $"{state.Phase.ToString().ToLowerInvariant()}: {what}";
    }
}
