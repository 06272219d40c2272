using System.Globalization;
using QuantCluster.Jobs;
using QuantCluster.Search;
using Spectre.Console;

namespace QuantCluster.Client;

/// <summary>A line for each stage; the search's says what is being decided, how good it is so far, and how much is left.</summary>
internal sealed class StageDisplay(ProgressContext context) : IProgress<JobProgress>, IProgress<SearchProgress>
{
    /// <summary>Thousandths: the search's line goes by the part of its budget that is used.</summary>
    private const double Whole = 1000;

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
            List<string> parts = [$"search: {value.Phase} {value.Step}/{value.Steps}"];
            if (value.Layer.Length > 0)
                parts.Add(value.Layer.Length > 24 ? value.Layer[..23] + "…" : value.Layer);
            if (value.Error is { } error)
                parts.Add(string.Create(CultureInfo.InvariantCulture, $"error {error:0.##e+0}"));
            if (_best is { } best)
                parts.Add(string.Create(CultureInfo.InvariantCulture, $"best {best:0.##e+0}"));
            parts.Add(string.Create(CultureInfo.InvariantCulture, $"{value.Trials} trials{(seconds > 1 ? $" {value.Trials / seconds:0.0}/s" : "")}"));
            task.Description = Markup.Escape(string.Join(" · ", parts));
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
            _tasks[stage] = task = context.AddTask(Markup.Escape(stage));
        return task;
    }
}
