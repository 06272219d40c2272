namespace QuantCluster.Numerics;

/// <summary>Whole spans at once; the bits are those of the scalar methods, whatever the machine's vectors.</summary>
public readonly partial record struct AffineMapping
{
    /// <summary>Quantizes into INT8, or INT4 one to a byte (see <see cref="PackedInt4"/>).</summary>
    /// <param name="values">Real values.</param>
    /// <param name="integers">At least as long as <paramref name="values"/>.</param>
    /// <exception cref="InvalidOperationException">The mapping is of another type than the span.</exception>
    public void Quantize(ReadOnlySpan<float> values, Span<sbyte> integers) => Kernel<sbyte>().Quantize(values, integers);

    /// <summary>Quantizes into UINT8, or UINT4 one to a byte.</summary>
    /// <inheritdoc cref="Quantize(ReadOnlySpan{float}, Span{sbyte})"/>
    public void Quantize(ReadOnlySpan<float> values, Span<byte> integers) => Kernel<byte>().Quantize(values, integers);

    /// <summary>Quantizes into INT16.</summary>
    /// <inheritdoc cref="Quantize(ReadOnlySpan{float}, Span{sbyte})"/>
    public void Quantize(ReadOnlySpan<float> values, Span<short> integers) => Kernel<short>().Quantize(values, integers);

    /// <summary>Quantizes into UINT16.</summary>
    /// <inheritdoc cref="Quantize(ReadOnlySpan{float}, Span{sbyte})"/>
    public void Quantize(ReadOnlySpan<float> values, Span<ushort> integers) => Kernel<ushort>().Quantize(values, integers);

    /// <summary>S·(q − Z) of every integer.</summary>
    /// <inheritdoc cref="Quantize(ReadOnlySpan{float}, Span{sbyte})"/>
    public void Dequantize(ReadOnlySpan<sbyte> integers, Span<float> values) => Kernel<sbyte>().Dequantize(integers, values);

    /// <inheritdoc cref="Dequantize(ReadOnlySpan{sbyte}, Span{float})"/>
    public void Dequantize(ReadOnlySpan<byte> integers, Span<float> values) => Kernel<byte>().Dequantize(integers, values);

    /// <inheritdoc cref="Dequantize(ReadOnlySpan{sbyte}, Span{float})"/>
    public void Dequantize(ReadOnlySpan<short> integers, Span<float> values) => Kernel<short>().Dequantize(integers, values);

    /// <inheritdoc cref="Dequantize(ReadOnlySpan{sbyte}, Span{float})"/>
    public void Dequantize(ReadOnlySpan<ushort> integers, Span<float> values) => Kernel<ushort>().Dequantize(integers, values);

    /// <summary>Replaces every value by what is left of it after quantization.</summary>
    public void RoundTrip(Span<float> values) => RoundTrip(values, values);

    /// <summary>What is left of every value after quantization; the spans may be the same.</summary>
    public void RoundTrip(ReadOnlySpan<float> values, Span<float> results) => new UniformKernel(this).RoundTrip(values, results);

    private UniformKernel Kernel<T>()
        where T : unmanaged
    {
        Type.RequireStorage<T>();
        return new UniformKernel(this);
    }
}
