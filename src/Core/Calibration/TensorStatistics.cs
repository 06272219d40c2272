namespace QuantCluster.Calibration;

/// <summary>What one tensor held over all calibration samples.</summary>
public sealed class TensorStatistics
{
    public required string Name { get; init; }

    /// <summary>All values seen, NaN and infinities included.</summary>
    public required long Count { get; init; }

    /// <summary>The least finite value; 0 when there is none.</summary>
    public required float Minimum { get; init; }

    /// <summary>The greatest finite value; 0 when there is none.</summary>
    public required float Maximum { get; init; }

    public required long NaNs { get; init; }

    public required long Infinities { get; init; }

    /// <summary>The finite values by bin; empty when the tap did not ask for it.</summary>
    public required FloatHistogram Histogram { get; init; }

    /// <summary>Figures by channel; null when the tap did not ask for them.</summary>
    public ChannelStatistics? Channels { get; init; }

    /// <summary>Values that are neither NaN nor infinite.</summary>
    public long FiniteCount => Count - NaNs - Infinities;

    /// <summary>Statistics of values at hand.</summary>
    public static TensorStatistics Of(string name, ReadOnlySpan<float> values)
    {
        using TensorAccumulator accumulator = new(new TapRequest(name));
        accumulator.Add(values, [values.Length]);
        return accumulator.ToStatistics();
    }

    /// <summary>The same with other per-channel figures.</summary>
    internal TensorStatistics With(ChannelStatistics? channels) => new()
    {
        Name = Name,
        Count = Count,
        Minimum = Minimum,
        Maximum = Maximum,
        NaNs = NaNs,
        Infinities = Infinities,
        Histogram = Histogram,
        Channels = channels,
    };

    /// <summary>Adds the statistics of later samples.</summary>
    public static TensorStatistics Merge(TensorStatistics earlier, TensorStatistics later)
    {
        bool first = earlier.FiniteCount > 0, second = later.FiniteCount > 0;
        return new TensorStatistics
        {
            Name = earlier.Name,
            Count = earlier.Count + later.Count,
            Minimum = !second ? earlier.Minimum : !first ? later.Minimum : Math.Min(earlier.Minimum, later.Minimum),
            Maximum = !second ? earlier.Maximum : !first ? later.Maximum : Math.Max(earlier.Maximum, later.Maximum),
            NaNs = earlier.NaNs + later.NaNs,
            Infinities = earlier.Infinities + later.Infinities,
            Histogram = FloatHistogram.Merge(earlier.Histogram, later.Histogram),
            Channels = earlier.Channels is { } a && later.Channels is { } b
                ? ChannelStatistics.Merge(earlier.Name, a, b)
                : earlier.Channels ?? later.Channels,
        };
    }
}
