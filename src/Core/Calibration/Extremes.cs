using System.Runtime.Intrinsics;

namespace QuantCluster.Calibration;

/// <summary>
/// Least and greatest of a stream of values, lane by lane, and the greatest magnitude as an integer: it tells
/// whether a NaN or infinity was among them, of which minimum and maximum instructions make different things.
/// </summary>
internal readonly struct Extremes(Vector512<float> least, Vector512<float> greatest, Vector512<int> magnitude)
{
    private Vector512<float> Least => least;

    private Vector512<float> Greatest => greatest;

    private Vector512<int> Magnitude => magnitude;

    public static Extremes None => new(
        Vector512.Create(float.PositiveInfinity), Vector512.Create(float.NegativeInfinity), Vector512<int>.Zero);

    public bool AllFinite => !Vector512.GreaterThanAny(magnitude, Vector512.Create((FloatBins.FirstNonFinite << 16) - 1));

    public Extremes With(Vector512<float> values) => new(
        Vector512.MinNative(least, values),
        Vector512.MaxNative(greatest, values),
        Vector512.Max(magnitude, values.AsInt32() & Vector512.Create(int.MaxValue)));

    public Extremes With(Extremes other) => new(
        Vector512.MinNative(least, other.Least), Vector512.MaxNative(greatest, other.Greatest), Vector512.Max(magnitude, other.Magnitude));

    /// <summary>Of finite values.</summary>
    public (float Minimum, float Maximum) Ends()
    {
        Vector256<float> low = Vector256.MinNative(least.GetLower(), least.GetUpper()), high = Vector256.MaxNative(greatest.GetLower(), greatest.GetUpper());
        Vector128<float> lowest = Vector128.MinNative(low.GetLower(), low.GetUpper()), highest = Vector128.MaxNative(high.GetLower(), high.GetUpper());
        return (
            Math.Min(Math.Min(lowest[0], lowest[1]), Math.Min(lowest[2], lowest[3])),
            Math.Max(Math.Max(highest[0], highest[1]), Math.Max(highest[2], highest[3])));
    }
}
