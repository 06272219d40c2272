using QuantCluster.Jobs;
using Spectre.Console;

namespace QuantCluster.Client;

/// <summary>One line a stage on stderr, with rate and time left; nothing at all where stderr is no terminal.</summary>
internal static class ProgressDisplay
{
    public static async Task<T> ShowAsync<T>(Func<IProgress<JobProgress>?, Task<T>> work)
    {
        if (Console.IsErrorRedirected)
            return await work(null);
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        return await console.Progress()
            .AutoClear(true)
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn(), new RateColumn(), new RemainingTimeColumn())
            .StartAsync(context => work(new Stages(context)));
    }

    private sealed class Stages(ProgressContext context) : IProgress<JobProgress>
    {
        private readonly Dictionary<string, ProgressTask> _tasks = [];
        private readonly Lock _lock = new();

        public void Report(JobProgress value)
        {
            lock (_lock)
            {
                if (value.Detail is not null)
                    return;
                if (!_tasks.TryGetValue(value.Stage, out ProgressTask? task))
                    _tasks[value.Stage] = task = context.AddTask(Markup.Escape(value.Stage));
                task.MaxValue = Math.Max(1, value.Total);
                task.IsIndeterminate = value.Total <= 1 && value.Done == 0;
                task.Value = value.Total == 0 ? 1 : value.Done;
                if (value.Done >= value.Total)
                    task.StopTask();
            }
        }
    }

    private sealed class RateColumn : ProgressColumn
    {
        public override Spectre.Console.Rendering.IRenderable Render(Spectre.Console.Rendering.RenderOptions options, ProgressTask task, TimeSpan deltaTime)
        {
            double seconds = task.ElapsedTime?.TotalSeconds ?? 0;
            return new Text(task.MaxValue <= 1 || seconds < 0.2 ? "" : $"{task.Value / seconds:0.#}/s");
        }
    }
}
