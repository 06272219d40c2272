using Spectre.Console;

namespace QuantCluster.Client;

/// <summary>One line a stage on stderr, with rate and time left; nothing at all where stderr is no terminal.</summary>
internal static class ProgressDisplay
{
    public static async Task<T> ShowAsync<T>(Func<StageDisplay?, Task<T>> work)
    {
        if (Console.IsErrorRedirected)
            return await work(null);
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        return await console.Progress()
            .AutoClear(true)
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn(), new RateColumn(), new RemainingTimeColumn())
            .StartAsync(context => work(new StageDisplay(context)));
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
