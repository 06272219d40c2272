namespace QuantCluster.Calibration;

/// <summary>Statistics of one tensor while samples stream through one worker.</summary>
internal sealed class TensorAccumulator : IDisposable
{
    private readonly HistogramTable? _table;
    private readonly ChannelAccumulator? _channels;
    private ValueScan _scan = new();

    public TensorAccumulator(TapRequest tap)
    {
        Tap = tap;
        _table = tap.Histogram ? new HistogramTable() : null;
        _channels = tap.ChannelAxis >= 0 ? new ChannelAccumulator(tap) : null;
    }

    public TapRequest Tap { get; }

    public void Add(ReadOnlySpan<float> values, ReadOnlySpan<long> shape)
    {
        if (_table is not null && _channels is not null)
        {
            _channels.AddCounting(values, shape, _table, ref _scan);
            return;
        }

        _channels?.Add(values, shape);
        if (_table is null)
            _scan.Add(values);
        else
            _table.Add(values, ref _scan);
    }

    /// <summary>Per-channel figures since the last call; null when the tap did not ask for them.</summary>
    public ChannelStatistics? TakeChannels() => _channels?.Take();

    /// <summary>Everything since the start, per-channel figures only since the last <see cref="TakeChannels"/>.</summary>
    public TensorStatistics ToStatistics() => new()
    {
        Name = Tap.Tensor,
        Count = _scan.Count,
        Minimum = _scan.Minimum,
        Maximum = _scan.Maximum,
        NaNs = _scan.NaNs,
        Infinities = _scan.Infinities,
        Histogram = _table?.ToHistogram(_scan.Minimum, _scan.Maximum) ?? FloatHistogram.Empty,
        Channels = TakeChannels(),
    };

    public void Dispose() => _table?.Dispose();
}
