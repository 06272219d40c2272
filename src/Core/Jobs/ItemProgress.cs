namespace QuantCluster.Jobs;

/// <summary>Tells how many items of a stage are done, of those asked for since none was left to do. Thread-safe.</summary>
internal sealed class ItemProgress(string stage, IProgress<JobProgress>? progress)
{
    private readonly Lock _lock = new();
    private int _done, _all;

    /// <summary>More items are asked for.</summary>
    /// <param name="count">How many.</param>
    /// <param name="known">Of them, done before.</param>
    public void Add(int count, int known)
    {
        lock (_lock)
        {
            if (_done == _all)
                (_done, _all) = (0, 0);
            (_done, _all) = (_done + known, _all + count);
            Report();
        }
    }

    public void Finish()
    {
        lock (_lock)
        {
            _done++;
            Report();
        }
    }

    private void Report() => progress?.Report(new JobProgress(stage, _done, _all));
}
