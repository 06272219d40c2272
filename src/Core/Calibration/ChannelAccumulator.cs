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

    private void AddRun(int channel, ReadOnlySpan<float> run)
    {
        float minimum = _minimum[channel], maximum = _maximum[channel];
        double sum = 0;
        long count = run.Length;
        foreach (float value in run)
        {
            if (!float.IsFinite(value))
            {
                count--;
                continue;
            }

            minimum = Math.Min(minimum, value);
            maximum = Math.Max(maximum, value);
            sum += value;
        }

        (_minimum[channel], _maximum[channel]) = (minimum, maximum);
        _sums[channel] += sum;
        _counts[channel] += count;
    }
}
