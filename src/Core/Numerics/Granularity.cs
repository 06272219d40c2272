namespace QuantCluster.Numerics;

/// <summary>
/// How many elements of a tensor share one scale and zero point, as the attributes <c>axis</c> and <c>block_size</c>
/// of ONNX QuantizeLinear say it.
/// </summary>
/// <param name="Axis">The dimension along which mappings differ, from 0; null where the whole tensor has one.</param>
/// <param name="BlockSize">Elements along <paramref name="Axis"/> that share a mapping; 0 for per-channel.</param>
public readonly record struct Granularity(int? Axis, int BlockSize)
{
    /// <summary>One mapping for the whole tensor.</summary>
    public static Granularity PerTensor => default;

    /// <summary>One mapping for each index along <paramref name="axis"/>.</summary>
    public static Granularity PerChannel(int axis) => new(axis, 0);

    /// <summary>One mapping for <paramref name="blockSize"/> consecutive elements along <paramref name="axis"/>, and each index of the other dimensions.</summary>
    public static Granularity PerBlock(int axis, int blockSize)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(blockSize, 1);
        return new Granularity(axis, blockSize);
    }

    /// <summary>
    /// Shape of the scales and zero points of a tensor of <paramref name="shape"/>: [] per tensor, [D] per channel,
    /// the tensor's own with ⌈D/block⌉ along the axis per block.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The tensor has no such axis.</exception>
    public long[] ParameterShape(ReadOnlySpan<long> shape)
    {
        if (Axis is not { } axis)
            return [];
        if (axis < 0 || axis >= shape.Length)
            throw new ArgumentOutOfRangeException(nameof(shape), $"a tensor of {shape.Length} dimensions has no axis {axis}");
        if (BlockSize == 0)
            return [shape[axis]];
        long[] blocked = shape.ToArray();
        blocked[axis] = (blocked[axis] + BlockSize - 1) / BlockSize;
        return blocked;
    }
}
