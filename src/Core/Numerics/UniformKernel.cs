using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace QuantCluster.Numerics;

/// <summary>
/// One scale and zero point over a whole span. As in ONNX Runtime (MLAS): divide, clamp to
/// [qmin − Z, qmax − Z], round half to even, add Z; clamping before rounding is the same because the ends are integers.
/// </summary>
internal readonly struct UniformKernel(AffineMapping mapping)
{
    private readonly AffineMapping _mapping = mapping;
    private readonly float _low = mapping.Type.Minimum() - mapping.ZeroPoint;
    private readonly float _high = mapping.Type.Maximum() - mapping.ZeroPoint;

    public void Quantize<T>(ReadOnlySpan<float> values, Span<T> integers)
        where T : unmanaged, IBinaryInteger<T>
    {
        integers = integers[..values.Length];
        Vector256<float> scale = Vector256.Create(_mapping.Scale), low = Vector256.Create(_low), high = Vector256.Create(_high);
        Vector256<int> zero = Vector256.Create(_mapping.ZeroPoint);
        int i = 0;
        for (; i <= values.Length - Lanes.Batch; i += Lanes.Batch)
        {
            ReadOnlySpan<float> batch = values.Slice(i, Lanes.Batch);
            Lanes.Store(
                Vector256.ConvertToInt32Native(Lanes.Steps(Vector256.Create(batch), scale, low, high)) + zero,
                Vector256.ConvertToInt32Native(Lanes.Steps(Vector256.Create(batch[8..]), scale, low, high)) + zero,
                Vector256.ConvertToInt32Native(Lanes.Steps(Vector256.Create(batch[16..]), scale, low, high)) + zero,
                Vector256.ConvertToInt32Native(Lanes.Steps(Vector256.Create(batch[24..]), scale, low, high)) + zero,
                integers[i..]);
        }

        for (; i < values.Length; i++)
            integers[i] = T.CreateTruncating(_mapping.Quantize(values[i]));
    }

    public void Dequantize<T>(ReadOnlySpan<T> integers, Span<float> values)
        where T : unmanaged, IBinaryInteger<T>
    {
        values = values[..integers.Length];
        Vector256<float> scale = Vector256.Create(_mapping.Scale);
        Vector256<int> zero = Vector256.Create(_mapping.ZeroPoint);
        int i = 0;
        for (; i <= integers.Length - Lanes.Batch; i += Lanes.Batch)
        {
            for (int j = i; j < i + Lanes.Batch; j += 8)
                (Vector256.ConvertToSingle(Lanes.Widen(integers.Slice(j, 8)) - zero) * scale).CopyTo(values[j..]);
        }

        for (; i < integers.Length; i++)
            values[i] = _mapping.Dequantize(int.CreateTruncating(integers[i]));
    }

    public void RoundTrip(ReadOnlySpan<float> values, Span<float> results)
    {
        results = results[..values.Length];
        Vector256<float> scale = Vector256.Create(_mapping.Scale), low = Vector256.Create(_low), high = Vector256.Create(_high);
        ReadOnlySpan<Vector256<float>> whole = MemoryMarshal.Cast<float, Vector256<float>>(values);
        Span<Vector256<float>> into = MemoryMarshal.Cast<float, Vector256<float>>(results)[..whole.Length];
        for (int v = 0; v < whole.Length; v++)
            // Adding +0 turns the −0 of a small negative value into the +0 that an integer gives.
            into[v] = (Lanes.Steps(whole[v], scale, low, high) + Vector256<float>.Zero) * scale;

        for (int i = whole.Length * 8; i < values.Length; i++)
            results[i] = _mapping.RoundTrip(values[i]);
    }
}
