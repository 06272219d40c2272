namespace QuantCluster.Search;

/// <summary>Something that is measured of trials, once of each, however many ask for it and when. Thread-safe.</summary>
internal sealed class OncePerTrial<T>
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, TaskCompletionSource<T>> _values = [];
    private int _count;

    /// <summary>Trials it is known of.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Whether it is known of a trial, or being measured.</summary>
    public bool Has(Trial trial)
    {
        lock (_lock)
            return _values.ContainsKey(trial.Key);
    }

    /// <summary>Those that nobody has asked about yet. Who gets them measures them (<see cref="FillAsync"/>).</summary>
    public Trial[] Claim(IEnumerable<Trial> trials)
    {
        lock (_lock)
            return [.. trials.Where(t => _values.TryAdd(t.Key, new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously)))];
    }

    /// <summary>Measures what was claimed. What fails may be claimed again.</summary>
    /// <param name="measureAsync">Values by the trials' keys; asked only where there are trials.</param>
    public async Task FillAsync(IReadOnlyList<Trial> claimed, Func<Task<IEnumerable<KeyValuePair<string, T>>>> measureAsync)
    {
        if (claimed.Count == 0)
            return;
        try
        {
            foreach ((string key, T value) in await measureAsync())
                Set(key, value);
        }
        catch (Exception e)
        {
            foreach (Trial trial in claimed)
                Fail(trial.Key, e);
            throw;
        }
    }

    /// <summary>Of trials that were claimed, once it is known.</summary>
    public Task<T[]> OfAsync(IEnumerable<Trial> trials)
    {
        lock (_lock)
            return Task.WhenAll(trials.Select(t => _values[t.Key].Task));
    }

    private void Set(string key, T value)
    {
        TaskCompletionSource<T> known;
        lock (_lock)
            known = _values[key];
        Interlocked.Increment(ref _count);
        known.SetResult(value);
    }

    private void Fail(string key, Exception e)
    {
        TaskCompletionSource<T>? failed;
        lock (_lock)
        {
            if (_values[key].Task.IsCompleted || !_values.Remove(key, out failed))
                return;
        }

        if (e is OperationCanceledException)
            failed.SetCanceled(CancellationToken.None);
        else
            failed.SetException(e);
    }
}
