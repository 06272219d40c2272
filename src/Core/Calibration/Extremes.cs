using System.Runtime.Intrinsics;

namespace QuantCluster.Calibration;

/// <summary>
/// Least and greatest of a stream of values, lane by lane, and the greatest magnitude as an integer: it tells
/// whether a NaN or infinity was among them, of which minimum and maximum instructions make different things.
/// </summary>
internal readonly struct Extremes(Vector512<float> least, Vector512<float> greatest, Vector512<int> magnitude)
{
    public static Extremes None => new(
        Vector512.Create(float.PositiveInfinity), Vector512.Create(float.NegativeInfinity), Vector512<int>.Zero);

    public bool AllFinite => !Vector512.GreaterThanAny(magnitude, Vector512.Create((FloatBins.FirstNonFinite << 16) - 1));

    public Extremes With(Vector512<float> values) => new(
        Vector512.MinNative(least, values),
        Vector512.MaxNative(greatest, values),
        Vector512.Max(magnitude, values.AsInt32() & Vector512.Create(int.MaxValue)));

    /// <summary>Of finite values.</summary>
    public (float Minimum, float Maximum) Ends()
    {
        float minimum = least[0], maximum = greatest[0];
        for (int lane = 1; lane < Vector512<float>.Count; lane++)
        {
            minimum = Math.Min(minimum, least[lane]);
            maximum = Math.Max(maximum, greatest[lane]);
        }

        return (minimum, maximum);
    }
}
