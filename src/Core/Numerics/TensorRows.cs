namespace QuantCluster.Numerics;

/// <summary>
/// Cuts a row-major tensor into rows of consecutive elements that either share one mapping, or take
/// consecutive ones (<see cref="Elementwise"/>), so that kernels see plain spans.
/// </summary>
internal readonly struct TensorRows
{
    private readonly int _axisLength;
    private readonly int _blockSize;
    private readonly int _blocks;

    /// <exception cref="ArgumentException">The shape does not hold <paramref name="length"/> elements.</exception>
    public TensorRows(ReadOnlySpan<long> shape, Granularity granularity, int length)
    {
        long outer = 1, inner = 1;
        long[] parameters = granularity.ParameterShape(shape);
        for (int d = 0; d < shape.Length; d++)
        {
            if (d < (granularity.Axis ?? 0))
                outer *= shape[d];
            else if (d > (granularity.Axis ?? -1))
                inner *= shape[d];
        }

        _axisLength = granularity.Axis is { } axis ? checked((int)shape[axis]) : 1;
        if (outer * _axisLength * inner != length)
            throw new ArgumentException($"a tensor of shape [{string.Join(',', shape.ToArray())}] does not have {length} elements", nameof(shape));
        Parameters = checked((int)parameters.Aggregate(1L, (n, d) => n * d));
        _blockSize = granularity.BlockSize;
        _blocks = _blockSize == 0 ? 0 : (_axisLength + _blockSize - 1) / _blockSize;

        if (granularity.Axis is null)
        {
            Count = 1;
            Length = length;
        }
        else if (_blockSize == 0 && inner == 1)
        {
            // Neighbours lie in neighbouring channels.
            Elementwise = true;
            Length = _axisLength;
            Count = (int)outer;
        }
        else if (_blockSize > 0 && inner == 1)
        {
            Length = _blockSize;
            Count = (int)outer * _blocks;
        }
        else
        {
            // Blocked along another axis than the last: neighbours lie in neighbouring blocks.
            Elementwise = _blockSize > 0;
            Length = (int)inner;
            Count = (int)outer * _axisLength;
        }
    }

    /// <summary>How many mappings the tensor has.</summary>
    public int Parameters { get; }

    public int Count { get; }

    /// <summary>Elements of a row; the last row of each block-wise axis may be shorter.</summary>
    public int Length { get; }

    /// <summary>Whether element i of a row takes mapping <see cref="FirstParameter"/> + i, not all the first.</summary>
    public bool Elementwise { get; }

    private bool BlocksAreRows => _blockSize > 0 && !Elementwise;

    public int FirstParameter(int row)
    {
        if (BlocksAreRows)
            return row;
        if (Elementwise)
            return _blockSize == 0 ? 0 : ((row / _axisLength * _blocks) + (row % _axisLength / _blockSize)) * Length;
        return Parameters == 1 ? 0 : row % _axisLength;
    }

    public Span<T> Slice<T>(Span<T> tensor, int row)
    {
        (int start, int length) = Extent(row);
        return tensor.Slice(start, length);
    }

    public ReadOnlySpan<T> Slice<T>(ReadOnlySpan<T> tensor, int row)
    {
        (int start, int length) = Extent(row);
        return tensor.Slice(start, length);
    }

    private (int Start, int Length) Extent(int row)
    {
        if (!BlocksAreRows)
            return (row * Length, Length);
        int inAxis = row % _blocks * _blockSize;
        return ((row / _blocks * _axisLength) + inAxis, Math.Min(_blockSize, _axisLength - inAxis));
    }
}
