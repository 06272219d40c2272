using System.Numerics.Tensors;
using System.Runtime.Intrinsics;

namespace QuantCluster.Calibration;

/// <summary>Minimum, maximum and sum of every channel of one tensor while samples stream in.</summary>
internal sealed class ChannelAccumulator(TapRequest tap)
{
    /// <summary>Runs shorter than this are gone over twice, for they stay in the cache: once for their channel and once to be counted.</summary>
    private const int ShortestCounted = 4 * HistogramTable.Step;

    /// <summary>Values of whole rows that are counted and added by channel before the next.</summary>
    private const int Tile = 4096;

    private float[] _minimum = [];
    private float[] _maximum = [];
    private double[] _sums = [];
    private long[] _counts = [];

    public void Add(ReadOnlySpan<float> values, ReadOnlySpan<long> shape)
    {
        (int channels, int inner) = Layout(shape);
        if (values.IsEmpty)
            return;
        if (inner == 1)
        {
            AddRows(values, channels, AreFinite(values));
            return;
        }

        for (int start = 0, channel = 0; start < values.Length; start += inner, channel = channel + 1 == channels ? 0 : channel + 1)
            AddRun(channel, values.Slice(start, inner));
    }

    /// <summary>The same, and counts the values in the same walk: reading them from memory is what takes time.</summary>
    public void AddCounting(ReadOnlySpan<float> values, ReadOnlySpan<long> shape, HistogramTable table, ref ValueScan scan)
    {
        (int channels, int inner) = Layout(shape);
        if (values.IsEmpty || inner is > 1 and < ShortestCounted)
        {
            Add(values, shape);
            table.Add(values, ref scan);
            return;
        }

        table.Begin(values.Length, scan);
        int piece = inner > 1 ? inner : channels * HistogramTable.Step * Math.Max(1, Tile / (channels * HistogramTable.Step));
        Extremes all = Extremes.None;
        long vectorized = 0;
        for (int start = 0, channel = 0; start < values.Length; start += piece, channel = channel + 1 == channels ? 0 : channel + 1)
        {
            ReadOnlySpan<float> run = values.Slice(start, Math.Min(piece, values.Length - start));
            ReadOnlySpan<float> rest = run[(run.Length - (run.Length % HistogramTable.Step))..];
            ReadOnlySpan<float> vectors = run[..^rest.Length];
            Extremes extremes;
            if (inner > 1)
            {
                extremes = table.CountAndSum(vectors, out Vector512<double> sums);
                AddRun(channel, vectors, rest, extremes, sums);
            }
            else
            {
                extremes = table.Count(vectors);
                AddRows(run, channels, extremes.AllFinite && AreFinite(rest));
            }

            table.CountRest(rest);
            if (extremes.AllFinite && vectors.Length > 0)
            {
                all = all.With(extremes);
                vectorized += vectors.Length;
            }
            else
            {
                scan.Add(vectors);
            }

            scan.Add(rest);
        }

        if (vectorized > 0)
            scan.AddFinite(vectorized, all);
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

    /// <summary>How many channels there are, and how many values of one lie beside one another.</summary>
    private (int Channels, int Inner) Layout(ReadOnlySpan<long> shape)
    {
        if (tap.ChannelAxis >= shape.Length)
            throw new QuantException(ExitCode.BadModel, $"tensor {tap.Tensor}: has {shape.Length} dimensions, so no channel axis {tap.ChannelAxis}.");
        int channels = checked((int)shape[tap.ChannelAxis]);
        int inner = 1;
        foreach (long dimension in shape[(tap.ChannelAxis + 1)..])
            inner = checked(inner * (int)dimension);
        if (_counts.Length != channels)
            Start(channels);
        return (channels, inner);
    }

    /// <summary>Adds values that are all of one channel.</summary>
    private void AddRun(int channel, ReadOnlySpan<float> run)
    {
        int vectorized = run.Length - (run.Length % Vector512<float>.Count);
        Extremes extremes = Extremes.None;
        Vector512<double> lower = Vector512<double>.Zero, upper = lower;
        for (int i = 0; i < vectorized; i += Vector512<float>.Count)
        {
            Vector512<float> values = Vector512.Create(run.Slice(i, Vector512<float>.Count));
            extremes = extremes.With(values);
            lower += Vector512.WidenLower(values);
            upper += Vector512.WidenUpper(values);
        }

        AddRun(channel, run[..vectorized], run[vectorized..], extremes, lower + upper);
    }

    /// <summary>Adds values that are all of one channel: <paramref name="vectors"/>, whose figures are known, and the rest.</summary>
    private void AddRun(int channel, ReadOnlySpan<float> vectors, ReadOnlySpan<float> rest, Extremes extremes, Vector512<double> sums)
    {
        if (vectors.Length > 0 && extremes.AllFinite)
        {
            (float minimum, float maximum) = extremes.Ends();
            _minimum[channel] = Math.Min(_minimum[channel], minimum);
            _maximum[channel] = Math.Max(_maximum[channel], maximum);
            _sums[channel] += InOrder(sums);
            _counts[channel] += vectors.Length;
        }
        else
        {
            foreach (float value in vectors)
                AddValue(channel, value);
        }

        foreach (float value in rest)
            AddValue(channel, value);
    }

    private static bool AreFinite(ReadOnlySpan<float> values) => values.IsEmpty || TensorPrimitives.IsFiniteAll(values);

    /// <summary>Adds values of every channel in turn, down the rows: sixteen channels stay in registers.</summary>
    private void AddRows(ReadOnlySpan<float> rows, int channels, bool areFinite)
    {
        int vectorized = areFinite ? channels - (channels % Vector512<float>.Count) : 0;
        for (int c = 0; c < vectorized; c += Vector512<float>.Count)
        {
            Span<float> minimum = _minimum.AsSpan(c, Vector512<float>.Count), maximum = _maximum.AsSpan(c, Vector512<float>.Count);
            Span<double> first = _sums.AsSpan(c, Vector512<double>.Count), second = _sums.AsSpan(c + Vector512<double>.Count, Vector512<double>.Count);
            Vector512<float> least = Vector512.Create((ReadOnlySpan<float>)minimum), greatest = Vector512.Create((ReadOnlySpan<float>)maximum);
            Vector512<double> lower = Vector512.Create((ReadOnlySpan<double>)first), upper = Vector512.Create((ReadOnlySpan<double>)second);
            for (int start = c; start < rows.Length; start += channels)
            {
                Vector512<float> values = Vector512.Create(rows.Slice(start, Vector512<float>.Count));
                least = Vector512.MinNative(least, values);
                greatest = Vector512.MaxNative(greatest, values);
                lower += Vector512.WidenLower(values);
                upper += Vector512.WidenUpper(values);
            }

            least.CopyTo(minimum);
            greatest.CopyTo(maximum);
            lower.CopyTo(first);
            upper.CopyTo(second);
        }

        long count = rows.Length / channels;
        foreach (ref long counted in _counts.AsSpan(0, vectorized))
            counted += count;
        for (int start = 0; vectorized < channels && start < rows.Length; start += channels)
        {
            for (int c = vectorized; c < channels; c++)
                AddValue(c, rows[start + c]);
        }
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
        Vector256<double> first = lanes.GetLower(), second = lanes.GetUpper();
        return 0.0 + first[0] + first[1] + first[2] + first[3] + second[0] + second[1] + second[2] + second[3];
    }
}
