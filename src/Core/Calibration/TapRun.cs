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

    public TapRun(ModelSession session, IReadOnlyList<TapRequest> taps)
    {
        _session = session;
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
    public long Values { get; private set; }

    public void Add(Sample sample)
    {
        using RunResult result = Run(sample);
        foreach (TensorAccumulator accumulator in _fromInputs)
        {
            DenseTensor input = sample.Inputs[accumulator.Tap.Tensor];
            CheckType(input.Type, accumulator.Tap);
            Add(accumulator, input.Floats, input.Shape);
        }

        for (int i = 0; i < _fromOutputs.Length; i++)
        {
            CheckType(result.TypeOf(i), _fromOutputs[i].Tap);
            Add(_fromOutputs[i], result.Floats(i), result.ShapeOf(i));
        }

        Samples++;
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
        Values += values.Length;
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
