using QuantCluster.Inference;
using QuantCluster.Onnx;

namespace QuantCluster.Data.Sources;

/// <summary>The records of one input as they are stored, before any preprocessing. Reading is pure and thread-safe.</summary>
internal interface IRecordSource : IDisposable
{
    ElementType Type { get; }

    int Count { get; }

    /// <summary>Shape of every record, without the record's own dimension; null where records differ.</summary>
    long[]? Shape { get; }

    /// <summary>Whether a record can turn out unreadable or of a wrong shape only when it is read.</summary>
    bool IsCheckedOnRead => Shape is null;

    /// <summary>Where channels stand, for sources that know it (images); it goes before the spec's.</summary>
    ImageLayout? Layout => null;

    /// <summary>What errors call a record, e.g. <c>x.npy, record 3</c>.</summary>
    string Describe(int record);

    Record Read(int record);
}

/// <summary>A way to store data. One small file each; registered in <see cref="DatasetReaders"/>.</summary>
internal interface IDatasetReader
{
    /// <summary>What it reads, for messages.</summary>
    string Name { get; }

    bool CanRead(InputSpec input);

    /// <param name="input">What the spec says.</param>
    /// <param name="model">The model input the records are for.</param>
    IRecordSource Open(InputSpec input, ValueSignature model);
}

/// <summary>One record's stored bytes, little-endian and row-major, on loan until disposed.</summary>
internal abstract class Record(long[] shape) : IDisposable
{
    public long[] Shape { get; } = shape;

    public abstract ReadOnlySpan<byte> Bytes { get; }

    public virtual void Dispose()
    {
    }
}

/// <summary>A record in managed memory.</summary>
internal sealed class ArrayRecord(long[] shape, ReadOnlyMemory<byte> bytes) : Record(shape)
{
    public override ReadOnlySpan<byte> Bytes => bytes.Span;
}
