namespace QuantCluster.Grains;

/// <summary>How many items are under way at most; follows the cluster as silos come and go. Thread-safe.</summary>
internal sealed class WorkWindow(int size) : IDisposable
{
    private readonly SemaphoreSlim _free = new(size);
    private readonly Lock _lock = new();
    private int _size = size;
    private int _owed;

    public Task EnterAsync(CancellationToken cancellation) => _free.WaitAsync(cancellation);

    public void Leave()
    {
        lock (_lock)
        {
            if (_owed > 0)
                _owed--;
            else
                _free.Release();
        }
    }

    /// <summary>A smaller window takes effect as items end.</summary>
    public void Resize(int size)
    {
        lock (_lock)
        {
            int more = Math.Max(1, size) - _size;
            _size += more;
            int repaid = Math.Clamp(more, 0, _owed);
            _owed -= repaid;
            more -= repaid;
            if (more > 0)
                _free.Release(more);
            else
                _owed -= more;
        }
    }

    public void Dispose() => _free.Dispose();
}
