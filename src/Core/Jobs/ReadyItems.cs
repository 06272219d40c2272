namespace QuantCluster.Jobs;

/// <summary>Items of a source that one may take as long as they are there, and need not wait for. Not thread-safe.</summary>
public sealed class ReadyItems : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop;
    private readonly IAsyncEnumerator<WorkItem> _source;
    private Task<bool>? _next;

    public ReadyItems(IAsyncEnumerable<WorkItem> items, CancellationToken cancellation)
    {
        _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        _source = items.GetAsyncEnumerator(_stop.Token);
    }

    /// <summary>Whether there are no more.</summary>
    public bool IsExhausted { get; private set; }

    /// <summary>The source is asked for an item, and has none yet; null where it is not.</summary>
    public Task? Pending => _next;

    /// <summary>The next item; null where there is none, or none yet.</summary>
    /// <param name="wait">Whether to wait for it.</param>
    public async ValueTask<WorkItem?> NextAsync(bool wait)
    {
        if (IsExhausted)
            return null;
        _next ??= _source.MoveNextAsync().AsTask();
        if (!wait && !_next.IsCompleted)
            return null;
        Task<bool> next = _next;
        bool there = await next;
        _next = null;
        IsExhausted = !there;
        return there ? _source.Current : null;
    }

    /// <summary>A source that has nothing for a while is not waited for.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        if (_next is not null)
            await ((Task)_next).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _source.DisposeAsync();
        _stop.Dispose();
    }
}
