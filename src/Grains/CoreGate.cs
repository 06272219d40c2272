namespace QuantCluster.Grains;

/// <summary>
/// As many items at a time as this silo has cores for, whatever grains they are of: more side by side would only share
/// the cores and multiply the memory.
/// </summary>
public sealed class CoreGate : IDisposable
{
    private readonly SemaphoreSlim _free;
    private int _waiting;

    /// <param name="cores">Items at a time, at least one.</param>
    public CoreGate(int cores)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(cores, 1);
        Cores = cores;
        _free = new SemaphoreSlim(cores, cores);
    }

    public int Cores { get; }

    /// <summary>Items that run now.</summary>
    public int Running => Cores - _free.CurrentCount;

    /// <summary>Items that wait for a core.</summary>
    public int Waiting => Volatile.Read(ref _waiting);

    public async ValueTask<Place> EnterAsync(CancellationToken cancellation)
    {
        Interlocked.Increment(ref _waiting);
        try
        {
            await _free.WaitAsync(cancellation);
            return new Place(_free);
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
    }

    public void Dispose() => _free.Dispose();

    /// <summary>A core, until it is disposed of.</summary>
    public readonly struct Place(SemaphoreSlim free) : IDisposable
    {
        public void Dispose() => free.Release();
    }
}
