using System.Runtime.ExceptionServices;
using QuantCluster.Data;
using QuantCluster.Inference;

namespace QuantCluster.Calibration;

/// <summary>
/// One whole pass. Workers take blocks in turn; each counts into tables of its own over all its blocks, for integers
/// add up the same in any order. Floating-point sums are handed over per block and added in block order.
/// </summary>
internal sealed class CalibrationPass(
    ModelSession tapped,
    IReadOnlyList<TapRequest> taps,
    IDataset data,
    CalibrationSettings settings,
    IProgress<CalibrationProgress>? progress)
{
    private readonly Lock _gate = new();
    private readonly int _samples = Math.Min(data.Count, settings.MaxSamples);
    private readonly SortedDictionary<int, ChannelStatistics?[]> _waiting = [];
    private readonly ChannelStatistics?[] _channels = new ChannelStatistics?[taps.Count];
    private CalibrationStatistics? _merged;
    private int _nextBlock;
    private int _nextToAdd;
    private int _samplesDone;
    private long _values;
    private ExceptionDispatchInfo? _failure;

    public CalibrationStatistics Run(CancellationToken cancellation)
    {
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        int blocks = (_samples + settings.BlockSize - 1) / settings.BlockSize;
        int workers = Math.Clamp(settings.Workers, 1, Math.Max(1, blocks));
        Thread[] threads = new Thread[workers - 1];
        for (int i = 0; i < threads.Length; i++)
        {
            threads[i] = new Thread(() => Work(blocks, stop)) { IsBackground = true, Name = $"calibration {i + 2}" };
            threads[i].Start();
        }

        Work(blocks, stop);
        foreach (Thread thread in threads)
            thread.Join();
        cancellation.ThrowIfCancellationRequested();
        _failure?.Throw();
        return new CalibrationStatistics(_samples, _merged!.Tensors.Values.Select((t, i) => t.With(_channels[i])));
    }

    private void Work(int blocks, CancellationTokenSource stop)
    {
        try
        {
            using TapRun run = new(tapped, taps, settings.Threads);
            while (!stop.IsCancellationRequested)
            {
                int block = Interlocked.Increment(ref _nextBlock) - 1;
                if (block >= blocks)
                    break;
                Work(run, block, stop.Token);
            }

            CalibrationStatistics mine = run.ToStatistics();
            lock (_gate)
                _merged = _merged is null ? mine : CalibrationStatistics.Merge(_merged, mine);
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

    private void Work(TapRun run, int block, CancellationToken stop)
    {
        int end = (int)Math.Min(_samples, (block + 1L) * settings.BlockSize);
        for (int sample = block * settings.BlockSize; sample < end; sample++)
        {
            stop.ThrowIfCancellationRequested();
            long before = run.Values;
            run.Add(data.Read(sample));
            lock (_gate)
            {
                _samplesDone++;
                _values += run.Values - before;
                progress?.Report(new CalibrationProgress(_samplesDone, _samples, _values));
            }
        }

        AddChannels(block, run.TakeChannels());
    }

    // At most one block a worker waits for an earlier, slower one of another worker, except when that one is slower
    // by whole blocks; the sums are a few doubles a channel.
    private void AddChannels(int block, ChannelStatistics?[] channels)
    {
        lock (_gate)
        {
            _waiting.Add(block, channels);
            while (_waiting.Remove(_nextToAdd, out ChannelStatistics?[]? next))
            {
                for (int i = 0; i < next.Length; i++)
                {
                    if (next[i] is { } later)
                        _channels[i] = _channels[i] is { } earlier ? ChannelStatistics.Merge(taps[i].Tensor, earlier, later) : later;
                }

                _nextToAdd++;
            }
        }
    }
}
