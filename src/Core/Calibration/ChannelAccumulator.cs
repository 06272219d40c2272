using System.Runtime.Intrinsics;

namespace QuantCluster.Calibration;

/// <summary>Minimum, maximum and sum of every channel of one tensor while samples stream in.</summary>
internal sealed class ChannelAccumulator(TapRequest tap)
{
    private float[] _minimum = [];
    private float[] _maximum = [];
    private double[] _sums = [];
    private long[] _counts = [];

    public void Add(ReadOnlySpan<float> values, ReadOnlySpan<long> shape)
    {
        if (tap.ChannelAxis >= shape.Length)
            throw new QuantException(ExitCode.BadModel, $"tensor {tap.Tensor}: has {shape.Length} dimensions, so no channel axis {tap.ChannelAxis}.");
        int channels = checked((int)shape[tap.ChannelAxis]);
        int inner = 1;
        foreach (long dimension in shape[(tap.ChannelAxis + 1)..])
            inner = checked(inner * (int)dimension);
        if (_counts.Length != channels)
            Start(channels);

        for (int start = 0; start < values.Length; start += channels * inner)
        {
            if (inner == 1)
            {
                AddRow(values.Slice(start, channels));
                continue;
            }

            for (int c = 0; c < channels; c++)
                AddRun(c, values.Slice(start + (c * inner), inner));
        }
    }

    public ChannelStatistics Take()
    {
        for (int c = 0; c < _counts.Length; c++)
        {
            _minimum[c] = _counts[c] == 0 ? 0 : _minimum[c] + 0f;
            _maximum[c] = _counts[c] == 0 ? 0 : _maximum[c] + 0f;
        }

        ChannelStatistics taken = new(tap.ChannelAxis, _minimum, _maximum, _sums, _counts);
        (_minimum, _maximum, _sums, _counts) = ([], [], [], []);
        return taken;
    }

    private void Start(int channels)
    {
        if (_counts.Length != 0)
        {
            throw new QuantException(
                ExitCode.BadData,
                $"tensor {tap.Tensor}: {_counts.Length} channels on axis {tap.ChannelAxis} in one sample and {channels} in another; per-channel statistics need a fixed size.");
        }

        _minimum = new float[channels];
        _maximum = new float[channels];
        _sums = new double[channels];
        _counts = new long[channels];
        Array.Fill(_minimum, float.PositiveInfinity);
        Array.Fill(_maximum, float.NegativeInfinity);
    }

    /// <summary>Adds values that are all of one channel.</summary>
    private void AddRun(int channel, ReadOnlySpan<float> run)
    {
        int vectorized = run.Length - (run.Length % Vector512<float>.Count);
        if (vectorized > 0)
        {
            Extremes extremes = Extremes.None;
            Vector512<double> lower = Vector512<double>.Zero, upper = lower;
            for (int i = 0; i < vectorized; i += Vector512<float>.Count)
            {
                Vector512<float> values = Vector512.Create(run.Slice(i, Vector512<float>.Count));
                extremes = extremes.With(values);
                lower += Vector512.WidenLower(values);
                upper += Vector512.WidenUpper(values);
            }

            if (extremes.AllFinite)
            {
                (float minimum, float maximum) = extremes.Ends();
                _minimum[channel] = Math.Min(_minimum[channel], minimum);
                _maximum[channel] = Math.Max(_maximum[channel], maximum);
                _sums[channel] += InOrder(lower + upper);
                _counts[channel] += vectorized;
                run = run[vectorized..];
            }
        }

        foreach (float value in run)
            AddValue(channel, value);
    }

    /// <summary>Adds one value of each channel.</summary>
    private void AddRow(ReadOnlySpan<float> row)
    {
        Span<float> minimum = _minimum.AsSpan(0, row.Length), maximum = _maximum.AsSpan(0, row.Length);
        Span<double> sums = _sums.AsSpan(0, row.Length);
        int c = 0;
        for (; c <= row.Length - Vector512<float>.Count; c += Vector512<float>.Count)
        {
            Vector512<float> values = Vector512.Create(row.Slice(c, Vector512<float>.Count));
            if (!Extremes.None.With(values).AllFinite)
            {
                for (int i = c; i < c + Vector512<float>.Count; i++)
                    AddValue(i, row[i]);
                continue;
            }

            Span<float> least = minimum.Slice(c, Vector512<float>.Count), greatest = maximum.Slice(c, Vector512<float>.Count);
            Vector512.MinNative(Vector512.Create((ReadOnlySpan<float>)least), values).CopyTo(least);
            Vector512.MaxNative(Vector512.Create((ReadOnlySpan<float>)greatest), values).CopyTo(greatest);
            Span<double> first = sums.Slice(c, 8), second = sums.Slice(c + 8, 8);
            (Vector512.Create((ReadOnlySpan<double>)first) + Vector512.WidenLower(values)).CopyTo(first);
            (Vector512.Create((ReadOnlySpan<double>)second) + Vector512.WidenUpper(values)).CopyTo(second);
            foreach (ref long count in _counts.AsSpan(c, Vector512<float>.Count))
                count++;
        }

        for (; c < row.Length; c++)
            AddValue(c, row[c]);
    }

    private void AddValue(int channel, float value)
    {
        if (!float.IsFinite(value))
            return;
        _minimum[channel] = Math.Min(_minimum[channel], value);
        _maximum[channel] = Math.Max(_maximum[channel], value);
        _sums[channel] += value;
        _counts[channel]++;
    }

    // The order of Vector512.Sum is the processor's; this one is the same everywhere.
    private static double InOrder(Vector512<double> lanes)
    {
        double sum = 0;
        for (int lane = 0; lane < Vector512<double>.Count; lane++)
            sum += lanes[lane];
        return sum;
    }
}
