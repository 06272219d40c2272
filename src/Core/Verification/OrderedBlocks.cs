using System.Runtime.ExceptionServices;

namespace QuantCluster.Verification;

/// <summary>
/// Blocks done side by side whose results are added up in the blocks' order, so that sums have the same bits for any number of
/// workers. On threads of their own: whoever waits here may hold one of the few threads of the pool.
/// </summary>
internal sealed class OrderedBlocks<T>(int blocks, Func<int, CancellationToken, T> compute, Action<T> add)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<int, T> _waiting = [];
    private int _nextBlock;
    private int _nextToAdd;
    private ExceptionDispatchInfo? _failure;

    public void Run(int workers, CancellationToken cancellation)
    {
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Thread[] threads = new Thread[Math.Clamp(workers, 1, Math.Max(1, blocks)) - 1];
        for (int i = 0; i < threads.Length; i++)
        {
            threads[i] = new Thread(() => Work(stop)) { IsBackground = true, Name = $"verification {i + 2}" };
            threads[i].Start();
        }

        Work(stop);
        foreach (Thread thread in threads)
            thread.Join();
        cancellation.ThrowIfCancellationRequested();
        _failure?.Throw();
    }

    private void Work(CancellationTokenSource stop)
    {
        try
        {
            for (int block = Next(); block < blocks && !stop.IsCancellationRequested; block = Next())
                Add(block, compute(block, stop.Token));
        }
        catch (Exception e)
        {
            lock (_gate)
            {
                if (e is not OperationCanceledException)
                    _failure ??= ExceptionDispatchInfo.Capture(e);
            }

            stop.Cancel();
        }
    }

    private int Next() => Interlocked.Increment(ref _nextBlock) - 1;

    private void Add(int block, T result)
    {
        lock (_gate)
        {
            _waiting.Add(block, result);
            for (; _waiting.Remove(_nextToAdd, out T? next); _nextToAdd++)
                add(next);
        }
    }
}
