using QuantCluster.Data;
using QuantCluster.Inference;
using QuantCluster.Onnx;

namespace QuantCluster.Calibration;

/// <summary>One worker's state: runs samples through a tapped session and adds what the taps show.</summary>
internal sealed class TapRun : IDisposable
{
    private readonly ModelSession _session;
    private readonly TensorAccumulator[] _fromInputs;
    private readonly TensorAccumulator[] _fromOutputs;
    private readonly TensorAccumulator[] _all;
    private readonly string[] _outputs;
    private readonly int _threads;
    private long _values;

    public TapRun(ModelSession session, IReadOnlyList<TapRequest> taps, int threads)
    {
        _session = session;
        _threads = threads > 0 ? threads : Environment.ProcessorCount;
        HashSet<string> inputs = [.. session.Inputs.Select(i => i.Name)];
        _all = [.. taps.Select(t => new TensorAccumulator(t))];
        _fromInputs = [.. _all.Where(a => inputs.Contains(a.Tap.Tensor))];
        _fromOutputs = [.. _all.Where(a => !inputs.Contains(a.Tap.Tensor))];
        _outputs = [.. _fromOutputs.Select(a => a.Tap.Tensor)];
        // A run needs at least one output, also when only inputs are tapped.
        if (_outputs.Length == 0)
            _outputs = [session.Outputs[0].Name];
    }

    public int Samples { get; private set; }

    /// <summary>Elements looked at so far.</summary>
    public long Values => _values;

    public void Add(Sample sample)
    {
        using RunResult result = Run(sample);
        foreach (TensorAccumulator accumulator in _fromInputs)
        {
            DenseTensor input = sample.Inputs[accumulator.Tap.Tensor];
            CheckType(input.Type, accumulator.Tap);
            Add(accumulator, input.Floats, input.Shape);
        }

        AddOutputs(result);
        Samples++;
    }

    /// <summary>The threads that ran the model count as well: tensors are independent of one another.</summary>
    private void AddOutputs(RunResult result)
    {
        for (int i = 0; i < _fromOutputs.Length; i++)
            CheckType(result.TypeOf(i), _fromOutputs[i].Tap);
        if (_threads > 1)
        {
            try
            {
                Parallel.For(0, _fromOutputs.Length, new ParallelOptions { MaxDegreeOfParallelism = _threads }, AddOutput);
            }
            catch (AggregateException e) when (e.InnerExceptions.OfType<QuantException>().FirstOrDefault() is { } inner)
            {
                throw new QuantException(inner.Code, inner.Message, inner);
            }
        }
        else
        {
            for (int i = 0; i < _fromOutputs.Length; i++)
                AddOutput(i);
        }

        // The last first: what the model wrote last is still in the cache.
        void AddOutput(int turn)
        {
            int i = _fromOutputs.Length - 1 - turn;
            Add(_fromOutputs[i], result.Floats(i), result.ShapeOf(i));
        }
    }

    /// <summary>Per-channel figures since the last call, tap by tap, null where a tap did not ask for them.</summary>
    public ChannelStatistics?[] TakeChannels() => [.. _all.Select(a => a.TakeChannels())];

    public CalibrationStatistics ToStatistics() => new(Samples, _all.Select(a => a.ToStatistics()));

    public void Dispose()
    {
        foreach (TensorAccumulator accumulator in _all)
            accumulator.Dispose();
    }

    private static void CheckType(ElementType type, TapRequest tap)
    {
        if (type != ElementType.Float)
            throw new QuantException(ExitCode.BadModel, $"tensor {tap.Tensor}: holds {type}, statistics are of float32 tensors only.");
    }

    private void Add(TensorAccumulator accumulator, ReadOnlySpan<float> values, long[] shape)
    {
        accumulator.Add(values, shape);
        Interlocked.Add(ref _values, values.Length);
    }

    private RunResult Run(Sample sample)
    {
        try
        {
            return _session.Run(sample, _outputs);
        }
        catch (QuantException e)
        {
            throw new QuantException(e.Code, $"sample {sample.Index}: {e.Message}", e);
        }
    }
}
