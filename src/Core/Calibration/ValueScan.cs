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
        Count += values.Length;
        if (!TryAddFinite(values))
            AddAny(values);
    }

    /// <summary>Changes nothing and says false when a value is NaN or infinite.</summary>
    private bool TryAddFinite(ReadOnlySpan<float> values)
    {
        float minimum = _minimum, maximum = _maximum;
        int i = 0;
        if (values.Length >= Vector512<float>.Count)
        {
            // Minimum and maximum instructions differ in what they make of NaN; the magnitudes' bits tell beforehand.
            Vector512<float> least = Vector512.Create(minimum), greatest = Vector512.Create(maximum);
            Vector512<int> magnitudes = Vector512<int>.Zero, mask = Vector512.Create(int.MaxValue);
            for (; i <= values.Length - Vector512<float>.Count; i += Vector512<float>.Count)
            {
                Vector512<float> vector = Vector512.Create(values.Slice(i, Vector512<float>.Count));
                least = Vector512.MinNative(least, vector);
                greatest = Vector512.MaxNative(greatest, vector);
                magnitudes = Vector512.Max(magnitudes, vector.AsInt32() & mask);
            }

            if (Vector512.GreaterThanAny(magnitudes, Vector512.Create((FloatBins.FirstNonFinite << 16) - 1)))
                return false;
            for (int lane = 0; lane < Vector512<float>.Count; lane++)
            {
                minimum = Math.Min(minimum, least[lane]);
                maximum = Math.Max(maximum, greatest[lane]);
            }
        }

        for (; i < values.Length; i++)
        {
            float value = values[i];
            if (!float.IsFinite(value))
                return false;
            minimum = Math.Min(minimum, value);
            maximum = Math.Max(maximum, value);
        }

        (_minimum, _maximum) = (minimum, maximum);
        return true;
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
