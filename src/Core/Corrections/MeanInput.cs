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
        double[] sums = Find(shape, values.Length).Sums;
        for (int i = 0; i < sums.Length; i++)
            sums[i] += values[i];
    }

    /// <summary>Adds one sample's quantized input: the integers are summed exactly.</summary>
    public void Add(long[] shape, ReadOnlySpan<byte> integers, AffineMapping mapping)
    {
        double[] sums = Find(shape, integers.Length).Sums;
        if (mapping.Type == IntegerType.UInt8)
        {
            for (int i = 0; i < sums.Length; i++)
                sums[i] += integers[i] - mapping.ZeroPoint;
        }
        else
        {
            for (int i = 0; i < sums.Length; i++)
                sums[i] += (sbyte)integers[i] - mapping.ZeroPoint;
        }
    }

    /// <summary>Mean tensor and number of samples of each shape, in order of first occurrence.</summary>
    public IEnumerable<(DenseTensor Mean, long Samples)> Means(double scale = 1)
    {
        foreach (Shaped shaped in _shapes)
        {
            float[] mean = new float[shaped.Sums.Length];
            double factor = scale / shaped.Samples;
            for (int i = 0; i < mean.Length; i++)
                mean[i] = (float)(shaped.Sums[i] * factor);
            yield return (DenseTensor.FromFloats(shaped.Shape, mean), shaped.Samples);
        }
    }

    private Shaped Find(long[] shape, int length)
    {
        Shaped? found = _shapes.Find(s => s.Shape.AsSpan().SequenceEqual(shape));
        if (found is null)
            _shapes.Add(found = new Shaped(shape, new double[length]));
        found.Samples++;
        return found;
    }

    private sealed class Shaped(long[] shape, double[] sums)
    {
        public long[] Shape { get; } = shape;

        public double[] Sums { get; } = sums;

        public long Samples { get; set; }
    }
}
