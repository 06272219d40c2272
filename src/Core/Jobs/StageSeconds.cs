namespace QuantCluster.Jobs;

/// <summary>Seconds of work by stage. A piece of work counts once, however often it is asked for. Thread-safe.</summary>
internal sealed class StageSeconds
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, double> _seconds = [];
    private readonly HashSet<string> _counted = [];

    /// <param name="key">Of the work: a stage's or an item's.</param>
    public void Add(string stage, string key, double seconds)
    {
        lock (_lock)
        {
            if (_counted.Add(key))
                _seconds[stage] = _seconds.GetValueOrDefault(stage) + seconds;
        }
    }

    public double Of(string stage)
    {
        lock (_lock)
            return _seconds.GetValueOrDefault(stage);
    }

    /// <summary>By stage, in the order they began.</summary>
    public IReadOnlyDictionary<string, double> ToDictionary()
    {
        lock (_lock)
            return new Dictionary<string, double>(_seconds);
    }
}
