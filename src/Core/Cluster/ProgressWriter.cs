using System.Globalization;
using QuantCluster.Jobs;

namespace QuantCluster.Cluster;

/// <summary>Turns a job's progress into its state file, a few times a second, and a log line a stage.</summary>
internal sealed class ProgressWriter(JobState first, Action<JobState> write, JobLog log, Func<int> workers, TimeProvider time) : IProgress<JobProgress>, IDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);

    private readonly Lock _lock = new();
    private JobState _state = first;
    private long _begun = time.GetTimestamp();
    private long _written;
    private int _already;
    private bool _over;

    /// <summary>The state as of the last report.</summary>
    public JobState Last
    {
        get
        {
            lock (_lock)
            {
                _over = true;
                return _state;
            }
        }
    }

    public void Report(JobProgress value)
    {
        lock (_lock)
        {
            if (_over)
                return;
            bool begins = value.Stage != _state.Stage, ends = value.Done >= value.Total;
            if (begins)
                (_begun, _already) = (time.GetTimestamp(), value.Done);
            double seconds = time.GetElapsedTime(_begun).TotalSeconds;
            _state = _state with
            {
                Stage = value.Stage,
                Done = value.Done,
                Total = value.Total,
                Rate = seconds > 0 ? (value.Done - _already) / seconds : 0,
                Workers = workers(),
            };
            if (ends && !(begins && value.Done == 0))
                log.Add(string.Create(CultureInfo.InvariantCulture, $"{value.Stage}: {value.Done} of {value.Total} in {seconds:0.0} s"));
            if (!begins && !ends && time.GetElapsedTime(_written) < Pause)
                return;
            _written = time.GetTimestamp();
            write(_state);
        }
    }

    public void Dispose()
    {
        lock (_lock)
            _over = true;
    }
}
