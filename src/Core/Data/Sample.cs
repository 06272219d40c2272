using System.Runtime.InteropServices;
using QuantCluster.Onnx;

namespace QuantCluster.Data;

/// <summary>A dense tensor in managed memory, row-major.</summary>
/// <param name="Type">Element type; never string or 4-bit.</param>
/// <param name="Shape">Dimensions, all known.</param>
/// <param name="Bytes">Little-endian elements.</param>
public sealed record DenseTensor(ElementType Type, long[] Shape, ReadOnlyMemory<byte> Bytes)
{
    public ReadOnlySpan<float> Floats => Type == ElementType.Float
        ? MemoryMarshal.Cast<byte, float>(Bytes.Span)
        : throw new InvalidOperationException($"the tensor holds {Type}, not float");

    public static DenseTensor FromFloats(long[] shape, ReadOnlySpan<float> values) =>
        new(ElementType.Float, shape, MemoryMarshal.AsBytes(values).ToArray());

    public static DenseTensor FromInt64(long[] shape, ReadOnlySpan<long> values) =>
        new(ElementType.Int64, shape, MemoryMarshal.AsBytes(values).ToArray());
}

/// <summary>
/// What one run of the model is fed: every input with its batch dimension.
/// Where the model's batch is fixed at n &gt; 1 a sample holds n records.
/// </summary>
/// <param name="Index">Place in the dataset, from 0.</param>
/// <param name="Inputs">Model input name to value.</param>
public sealed record Sample(int Index, IReadOnlyDictionary<string, DenseTensor> Inputs)
{
    /// <summary>How many of the batch's records count; fewer than the batch only when the last one was padded.</summary>
    public int ValidRecords { get; init; } = 1;
}

/// <summary>Samples by index. Reading is pure: the same index gives the same bytes, from any thread.</summary>
public interface IDataset : IDisposable
{
    /// <summary>Number of samples (model runs).</summary>
    int Count { get; }

    /// <summary>Number of records: <see cref="Count"/> unless the model's batch is fixed at more than one.</summary>
    int RecordCount => Count;

    /// <summary>Whether the data are invented; every report of what was made with them must say so.</summary>
    bool IsSynthetic => false;

    Sample Read(int index);
}
