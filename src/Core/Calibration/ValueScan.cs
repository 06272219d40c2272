using System.Runtime.Intrinsics;

namespace QuantCluster.Calibration;

/// <summary>Least and greatest finite value of a stream, and how many values were not finite.</summary>
internal struct ValueScan()
{
    private float _minimum = float.PositiveInfinity;
    private float _maximum = float.NegativeInfinity;

    public long Count { get; private set; }

    public long NaNs { get; private set; }

    public long Infinities { get; private set; }

    /// <summary>0 when no finite value was seen; never negative zero.</summary>
    public readonly float Minimum => _minimum <= _maximum ? _minimum + 0f : 0f;

    /// <inheritdoc cref="Minimum"/>
    public readonly float Maximum => _minimum <= _maximum ? _maximum + 0f : 0f;

    public void Add(ReadOnlySpan<float> values)
    {
        Extremes extremes = Extremes.None;
        int vectorized = values.Length - (values.Length % Vector512<float>.Count);
        for (int i = 0; i < vectorized; i += Vector512<float>.Count)
            extremes = extremes.With(Vector512.Create(values.Slice(i, Vector512<float>.Count)));
        Add(values[..vectorized], extremes);
        Count += values.Length - vectorized;
        AddAny(values[vectorized..]);
    }

    /// <summary>Adds <paramref name="values"/> whose <paramref name="extremes"/> are known.</summary>
    public void Add(ReadOnlySpan<float> values, Extremes extremes)
    {
        if (values.Length == 0)
            return;
        if (extremes.AllFinite)
        {
            AddFinite(values.Length, extremes);
            return;
        }

        Count += values.Length;
        AddAny(values);
    }

    /// <summary>Adds <paramref name="count"/> finite values, at least one.</summary>
    public void AddFinite(long count, Extremes extremes)
    {
        Count += count;
        (float minimum, float maximum) = extremes.Ends();
        _minimum = Math.Min(_minimum, minimum);
        _maximum = Math.Max(_maximum, maximum);
    }

    private void AddAny(ReadOnlySpan<float> values)
    {
        foreach (float value in values)
        {
            if (float.IsNaN(value))
            {
                NaNs++;
            }
            else if (float.IsInfinity(value))
            {
                Infinities++;
            }
            else
            {
                _minimum = Math.Min(_minimum, value);
                _maximum = Math.Max(_maximum, value);
            }
        }
    }
}
