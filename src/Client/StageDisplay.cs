using System.Globalization;
using QuantCluster.Jobs;
using QuantCluster.Search;
using Spectre.Console;

namespace QuantCluster.Client;

/// <summary>A line for each stage; the search's says what is being decided, how good it is so far, and how much is left.</summary>
/// <param name="width">Characters a line's words may have: longer ones would push bar and figures into columns of one letter.</param>
internal sealed class StageDisplay(ProgressContext context, int width) : IProgress<JobProgress>, IProgress<SearchProgress>
{
    /// <summary>Thousandths: the search's line goes by the part of its budget that is used.</summary>
    private const double Whole = 1000;

    /// <summary>Set in the state of a line whose value counts nothing.</summary>
    public const string HasNoRate = "no rate";

    private readonly Dictionary<string, ProgressTask> _tasks = [];
    private readonly Lock _lock = new();
    private double? _best;

    public void Report(JobProgress value)
    {
        // The search has many rounds of items: its own report says more.
        if (value.Stage == SearchProgress.StageName || value.Detail is not null)
            return;
        lock (_lock)
        {
            ProgressTask task = TaskOf(value.Stage);
            task.MaxValue = Math.Max(1, value.Total);
            task.IsIndeterminate = value.Total <= 1 && value.Done == 0;
            task.Value = value.Total == 0 ? 1 : value.Done;
            if (value.Done >= value.Total)
                task.StopTask();
        }
    }

    public void Report(SearchProgress value)
    {
        lock (_lock)
        {
            ProgressTask task = TaskOf(SearchProgress.StageName);
            _best = value.Best ?? _best;
            double seconds = task.ElapsedTime?.TotalSeconds ?? 0;
            task.Description = Markup.Escape(Fit(
                (0, $"search: {value.Phase} {value.Step}/{value.Steps}"),
                (4, value.Layer.Length > 24 ? value.Layer[..23] + "…" : value.Layer),
                (3, value.Error is { } error ? string.Create(CultureInfo.InvariantCulture, $"error {error:0.##e+0}") : ""),
                (1, _best is { } best ? string.Create(CultureInfo.InvariantCulture, $"best {best:0.##e+0}") : ""),
                (2, string.Create(CultureInfo.InvariantCulture, $"{value.Trials} trials{(seconds > 1 ? $" {value.Trials / seconds:0.0}/s" : "")}"))));
            task.State.Update<bool>(HasNoRate, _ => true);
            task.MaxValue = Whole;
            task.IsIndeterminate = value.Used is null;
            task.Value = value.IsOver ? Whole : Math.Min(Whole - 1, Whole * (value.Used ?? 0));
            if (value.IsOver)
                task.StopTask();
        }
    }

    private ProgressTask TaskOf(string stage)
    {
        if (!_tasks.TryGetValue(stage, out ProgressTask? task))
            _tasks[stage] = task = context.AddTask(Markup.Escape(Fit((0, stage))));
        return task;
    }

    /// <summary>What there is room for, in its order; of less rank first left out.</summary>
    private string Fit(params (int Rank, string Text)[] parts)
    {
        List<(int Rank, string Text)> left = [.. parts.Where(p => p.Text.Length > 0)];
        while (left.Count > 1 && Joined().Length > width)
            left.Remove(left.MaxBy(p => p.Rank));
        string text = Joined();
        return text.Length > width ? text[..(width - 1)] + "…" : text;

        string Joined() => string.Join(" · ", left.Select(p => p.Text));
    }
}
