using System.Runtime.InteropServices;
using QuantCluster.Inference;
using QuantCluster.Onnx;

namespace QuantCluster.Data;

/// <summary>
/// Invented data: standard normal floats, small integers. Ranges found on them say nothing about real inputs;
/// they serve to try the machinery and to measure speed.
/// </summary>
internal sealed class SyntheticDataset(IReadOnlyList<ValueSignature> modelInputs, int count, int seed) : IDataset
{
    // Token ids, masks and class numbers of any model are below this.
    private const int IntegerLimit = 2;

    // What an unknown dimension becomes; a batch becomes 1.
    private const long UnknownDimension = 16;

    // Height and width of pictures: networks that halve them five times want a multiple of 32.
    private const long UnknownSide = 64;

    public int Count => count;

    public int RecordCount => count * Batch;

    public bool IsSynthetic => true;

    private int Batch => (int)Math.Max(1, modelInputs.Max(i => i.Shape is [> 1, ..] ? i.Shape[0] : 1));

    public Sample Read(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, count);
        Dictionary<string, DenseTensor> inputs = new(StringComparer.Ordinal);
        for (int i = 0; i < modelInputs.Count; i++)
            inputs.Add(modelInputs[i].Name, Invent(modelInputs[i], Mix((ulong)(uint)seed, (ulong)(uint)index, (ulong)(uint)i)));
        return new Sample(index, inputs) { ValidRecords = Batch };
    }

    public void Dispose()
    {
    }

    private static DenseTensor Invent(ValueSignature input, ulong state)
    {
        long[] shape = [.. input.Shape.Select((d, axis) => d >= 0 ? d : axis == 0 ? 1 : input.Shape.Length == 4 && axis >= 2 ? UnknownSide : UnknownDimension)];
        int elements = checked((int)shape.Aggregate(1L, (n, d) => checked(n * d)));
        byte[] stored = new byte[elements * (input.Type.IsFloating() ? sizeof(float) : sizeof(long))];
        if (input.Type.IsFloating())
        {
            Span<float> values = MemoryMarshal.Cast<byte, float>(stored.AsSpan());
            for (int i = 0; i < values.Length; i++)
                values[i] = Normal(ref state);
        }
        else
        {
            Span<long> values = MemoryMarshal.Cast<byte, long>(stored.AsSpan());
            for (int i = 0; i < values.Length; i++)
                values[i] = (long)(Next(ref state) % IntegerLimit);
        }

        byte[] bytes = new byte[input.Type.ByteCount(elements)];
        ElementConversion.Convert(input.Type.IsFloating() ? ElementType.Float : ElementType.Int64, stored, input.Type, bytes);
        return new DenseTensor(input.Type, shape, bytes);
    }

    /// <summary>Sum of twelve uniform numbers less six (Irwin–Hall): normal enough, and the same bits on every machine.</summary>
    private static float Normal(ref ulong state)
    {
        long sum = 0;
        for (int i = 0; i < 12; i++)
            sum += (long)(Next(ref state) >> 40);
        return (sum / 16777216f) - 6;
    }

    private static ulong Mix(ulong seed, ulong sample, ulong input)
    {
        ulong state = seed;
        state = Next(ref state) ^ sample;
        state = Next(ref state) ^ input;
        return state;
    }

    /// <summary>SplitMix64 (Steele, Lea, Flood 2014).</summary>
    private static ulong Next(ref ulong state)
    {
        ulong z = state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
