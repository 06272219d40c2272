using System.Globalization;
using QuantCluster.Jobs;

namespace QuantCluster.Cluster;

/// <summary>Turns a job's progress into its state file, a few times a second, and a log line a stage.</summary>
internal sealed class ProgressWriter(JobState first, Action<JobState> write, JobLog log, Func<int> workers, TimeProvider time) : IProgress<JobProgress>, IDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);

    private readonly Lock _lock = new();
    private JobState _state = first with { Stage = null };
    private long _begun = time.GetTimestamp();
    private long _written;
    private int _steps;
    private bool _over;

    public void Report(JobProgress value)
    {
        lock (_lock)
        {
            if (_over)
                return;
            bool begins = value.Stage != _state.Stage;
            if (begins)
                Begin(value);
            _state = _state with { BestError = value.BestError ?? _state.BestError, Detail = value.Detail ?? _state.Detail, Workers = workers() };
            if (value.Detail is null)
            {
                // A stage may hand out its items in batches, each counted from nothing.
                _steps += Math.Max(0, value.Done - (value.Done < _state.Done ? 0 : _state.Done));
                double seconds = time.GetElapsedTime(_begun).TotalSeconds;
                _state = _state with { Done = value.Done, Total = value.Total, Rate = seconds > 0 ? _steps / seconds : 0 };
            }

            if (!begins && time.GetElapsedTime(_written) < Pause)
                return;
            _written = time.GetTimestamp();
            write(_state);
        }
    }

    /// <summary>No more reports count.</summary>
    /// <returns>The state as of the last one.</returns>
    public JobState End()
    {
        lock (_lock)
        {
            if (!_over)
                LogStage();
            _over = true;
            return _state;
        }
    }

    public void Dispose() => End();

    private void Begin(JobProgress value)
    {
        LogStage();
        (_begun, _steps) = (time.GetTimestamp(), 0);
        _state = _state with { Stage = value.Stage, Done = value.Done, Total = value.Total, Rate = 0, Detail = null };
    }

    private void LogStage()
    {
        if (_state.Stage is not { } stage)
            return;
        double seconds = time.GetElapsedTime(_begun).TotalSeconds;
        string best = _state.BestError is { } error ? string.Create(CultureInfo.InvariantCulture, $", best error {error:0.######}") : "";
        log.Add(string.Create(CultureInfo.InvariantCulture, $"{stage}: {_steps} step{(_steps == 1 ? "" : "s")} in {seconds:0.0} s{best}"));
    }
}
