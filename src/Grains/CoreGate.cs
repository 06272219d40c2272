namespace QuantCluster.Grains;

/// <summary>
/// As many items at a time as this silo has cores for, whatever grains they are of: more side by side would only share
/// the cores and multiply the memory.
/// </summary>
public sealed class CoreGate : IDisposable
{
    private readonly SemaphoreSlim _free;
    private readonly SemaphoreSlim _turn = new(1, 1);
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

    /// <param name="alone">Takes every core: nothing else runs meanwhile.</param>
    /// <param name="cancellation">Gives up waiting.</param>
    public async ValueTask<Place> EnterAsync(bool alone, CancellationToken cancellation)
    {
        int taken = 0, needed = alone ? Cores : 1;
        Interlocked.Increment(ref _waiting);
        try
        {
            // One at a time: two that each need every core must not wait for each other's.
            await _turn.WaitAsync(cancellation);
            try
            {
                for (; taken < needed; taken++)
                    await _free.WaitAsync(cancellation);
            }
            finally
            {
                _turn.Release();
            }

            return new Place(_free, taken);
        }
        catch
        {
            if (taken > 0)
                _free.Release(taken);
            throw;
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
    }

    public void Dispose()
    {
        _free.Dispose();
        _turn.Dispose();
    }

    /// <summary>A core or more, until it is disposed of.</summary>
    public readonly struct Place(SemaphoreSlim free, int cores) : IDisposable
    {
        public void Dispose() => free.Release(cores);
    }
}
