namespace QuantCluster.Workers;

/// <summary>Results that nobody has read yet: while there are many, no more items are taken on. One adds, another reads.</summary>
internal sealed class UnreadResults : IDisposable
{
    /// <summary>More than there ever are.</summary>
    public const int Most = 1 << 20;

    private readonly SemaphoreSlim _changed = new(0, 1);
    private Task? _waiting;
    private int _count;

    public int Count => Volatile.Read(ref _count);

    public void Add() => Interlocked.Increment(ref _count);

    public void Read()
    {
        Interlocked.Decrement(ref _count);
        try
        {
            _changed.Release();
        }
        catch (SemaphoreFullException)
        {
            // Nobody has looked since the last time.
        }
    }

    /// <summary>Completes when one was read since the last time.</summary>
    public Task ChangedAsync() => _waiting is { IsCompleted: false } ? _waiting : _waiting = _changed.WaitAsync();

    public void Dispose() => _changed.Dispose();
}
