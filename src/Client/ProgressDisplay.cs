using Spectre.Console;

namespace QuantCluster.Client;

/// <summary>One line a stage on stderr, with rate and time left; nothing at all where stderr is no terminal.</summary>
internal static class ProgressDisplay
{
    /// <summary>Columns of percentage, rate and time left, with the spaces between: what a line has beside its words and its bar.</summary>
    private const int Figures = 24;

    private const int ShortBar = 10, RoomForLongBars = 110;

    public static async Task<T> ShowAsync<T>(Func<StageDisplay?, Task<T>> work)
    {
        if (Console.IsErrorRedirected)
            return await work(null);
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        int width = console.Profile.Width, bar = width >= RoomForLongBars ? 2 * ShortBar : ShortBar;
        return await console.Progress()
            .AutoClear(true)
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn { Width = bar }, new PercentageColumn(), new RateColumn(), new RemainingTimeColumn())
            .StartAsync(context => work(new StageDisplay(context, Math.Max(ShortBar, width - bar - Figures))));
    }

    private sealed class RateColumn : ProgressColumn
    {
        public override Spectre.Console.Rendering.IRenderable Render(Spectre.Console.Rendering.RenderOptions options, ProgressTask task, TimeSpan deltaTime)
        {
            double seconds = task.ElapsedTime?.TotalSeconds ?? 0;
            return new Text(task.MaxValue <= 1 || seconds < 0.2 || task.State.Get<bool>(StageDisplay.HasNoRate) ? "" : $"{task.Value / seconds:0.#}/s");
        }
    }
}
