using System.Numerics;
using QuantCluster.Data;
using QuantCluster.Numerics;

namespace QuantCluster.Corrections;

/// <summary>
/// The mean of a layer's input tensor over samples, element by element, one mean for each shape that occurs.
/// A convolution or matrix product is linear, so its mean output is its output for the mean input: one run instead
/// of one a sample.
/// </summary>
internal sealed class MeanInput
{
    private readonly List<Shaped> _shapes = [];

    /// <summary>Adds one sample's float input.</summary>
    public void Add(long[] shape, ReadOnlySpan<float> values)
    {
        Span<double> sums = Find(shape, values.Length).Sums;
        int i = 0;
        for (; i <= values.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            Vector.Widen(new Vector<float>(values[i..]), out Vector<double> low, out Vector<double> high);
            AddTo(sums[i..], low);
            AddTo(sums[(i + Vector<double>.Count)..], high);
        }

        for (; i < values.Length; i++)
            sums[i] += values[i];
    }

    /// <summary>Adds one sample's quantized input: the integers are summed exactly.</summary>
    public void Add(long[] shape, ReadOnlySpan<byte> integers, AffineMapping mapping)
    {
        Span<int> sums = Find(shape, integers.Length).Integers;
        // An INT8 is a UINT8 whose zero point is 128 higher, but for its first bit.
        byte sign = (byte)(mapping.Type == IntegerType.UInt8 ? 0 : 0x80);
        int zeroPoint = mapping.ZeroPoint + sign, quarter = Vector<int>.Count;
        Vector<int> shift = new(zeroPoint);
        int i = 0;
        for (; i <= integers.Length - Vector<byte>.Count; i += Vector<byte>.Count)
        {
            Vector.Widen(new Vector<byte>(integers[i..]) ^ new Vector<byte>(sign), out Vector<ushort> low, out Vector<ushort> high);
            Vector.Widen(low, out Vector<uint> first, out Vector<uint> second);
            Vector.Widen(high, out Vector<uint> third, out Vector<uint> fourth);
            AddTo(sums[i..], first.As<uint, int>() - shift);
            AddTo(sums[(i + quarter)..], second.As<uint, int>() - shift);
            AddTo(sums[(i + (2 * quarter))..], third.As<uint, int>() - shift);
            AddTo(sums[(i + (3 * quarter))..], fourth.As<uint, int>() - shift);
        }

        for (; i < integers.Length; i++)
            sums[i] += (integers[i] ^ sign) - zeroPoint;
    }

    /// <summary>Mean tensor and number of samples of each shape, in order of first occurrence.</summary>
    public IEnumerable<(DenseTensor Mean, long Samples)> Means(double scale = 1)
    {
        foreach (Shaped shaped in _shapes)
        {
            float[] mean = new float[shaped.Sums.Length];
            double factor = scale / shaped.Samples;
            for (int i = 0; i < mean.Length; i++)
                mean[i] = (float)((shaped.Sums[i] + shaped.Integers[i]) * factor);
            yield return (DenseTensor.FromFloats(shaped.Shape, mean), shaped.Samples);
        }
    }

    private static void AddTo<T>(Span<T> sums, Vector<T> values) => (new Vector<T>(sums) + values).CopyTo(sums);

    private Shaped Find(long[] shape, int length)
    {
        Shaped? found = _shapes.Find(s => s.Shape.AsSpan().SequenceEqual(shape));
        if (found is null)
            _shapes.Add(found = new Shaped(shape, length));
        found.Samples++;
        return found;
    }

    private sealed class Shaped(long[] shape, int length)
    {
        public long[] Shape { get; } = shape;

        public double[] Sums { get; } = new double[length];

        /// <summary>Less the zero point; exact for millions of samples.</summary>
        public int[] Integers { get; } = new int[length];

        public long Samples { get; set; }
    }
}
