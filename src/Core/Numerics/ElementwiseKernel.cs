using System.Numerics;
using System.Runtime.Intrinsics;

namespace QuantCluster.Numerics;

/// <summary>
/// A scale and zero point for every element: a row whose elements lie in different channels or blocks
/// (per-channel along the last axis, per-block along another).
/// </summary>
internal readonly ref struct ElementwiseKernel(ReadOnlySpan<float> scales, ReadOnlySpan<int> zeroPoints, IntegerType type)
{
    private readonly ReadOnlySpan<float> _scales = scales;
    private readonly ReadOnlySpan<int> _zeroPoints = zeroPoints;
    private readonly IntegerType _type = type;

    public void Quantize<T>(ReadOnlySpan<float> values, Span<T> integers)
        where T : unmanaged, IBinaryInteger<T>
    {
        integers = integers[..values.Length];
        Vector256<int> low = Vector256.Create(_type.Minimum()), high = Vector256.Create(_type.Maximum());
        int i = 0;
        for (; i <= values.Length - Lanes.Batch; i += Lanes.Batch)
            Lanes.Store(Eight(values, i, low, high), Eight(values, i + 8, low, high), Eight(values, i + 16, low, high), Eight(values, i + 24, low, high), integers[i..]);
        for (; i < values.Length; i++)
            integers[i] = T.CreateTruncating(At(i).Quantize(values[i]));
    }

    public void Dequantize<T>(ReadOnlySpan<T> integers, Span<float> values)
        where T : unmanaged, IBinaryInteger<T>
    {
        values = values[..integers.Length];
        int i = 0;
        for (; i <= integers.Length - 8; i += 8)
        {
            Vector256<int> steps = Lanes.Widen(integers.Slice(i, 8)) - Vector256.Create(_zeroPoints.Slice(i, 8));
            (Vector256.ConvertToSingle(steps) * Vector256.Create(_scales.Slice(i, 8))).CopyTo(values[i..]);
        }

        for (; i < integers.Length; i++)
            values[i] = At(i).Dequantize(int.CreateTruncating(integers[i]));
    }

    public void RoundTrip(ReadOnlySpan<float> values, Span<float> results)
    {
        results = results[..values.Length];
        Vector256<int> low = Vector256.Create(_type.Minimum()), high = Vector256.Create(_type.Maximum());
        int i = 0;
        for (; i <= values.Length - 8; i += 8)
        {
            Vector256<int> steps = Eight(values, i, low, high) - Vector256.Create(_zeroPoints.Slice(i, 8));
            (Vector256.ConvertToSingle(steps) * Vector256.Create(_scales.Slice(i, 8))).CopyTo(results[i..]);
        }

        for (; i < values.Length; i++)
            results[i] = At(i).RoundTrip(values[i]);
    }

    private AffineMapping At(int index) => new(_scales[index], _zeroPoints[index], _type);

    private Vector256<int> Eight(ReadOnlySpan<float> values, int at, Vector256<int> low, Vector256<int> high)
    {
        Vector256<int> zero = Vector256.Create(_zeroPoints.Slice(at, 8));
        Vector256<float> steps = Lanes.Steps(
            Vector256.Create(values.Slice(at, 8)),
            Vector256.Create(_scales.Slice(at, 8)),
            Vector256.ConvertToSingle(low - zero),
            Vector256.ConvertToSingle(high - zero));
        return Vector256.ConvertToInt32Native(steps) + zero;
    }
}
