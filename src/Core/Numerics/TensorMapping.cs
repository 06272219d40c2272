using System.Numerics;

namespace QuantCluster.Numerics;

/// <summary>
/// The affine mappings of one tensor: one, one per channel, or one per block. Arithmetic and parameter layout are
/// those of ONNX QuantizeLinear/DequantizeLinear (opset 21), bit for bit.
/// </summary>
/// <remarks>
/// Where |x/S| ≥ 2³¹, ONNX Runtime's blocked and 4-bit kernels overflow an int32 before they clamp; this clamps, as
/// the standard says and as ONNX Runtime's 8- and 16-bit kernels do.
/// </remarks>
public sealed class TensorMapping
{
    private readonly float[] _scales;
    private readonly int[] _zeroPoints;

    private TensorMapping(float[] scales, int[] zeroPoints, IntegerType type, Granularity granularity)
    {
        _scales = scales;
        _zeroPoints = zeroPoints;
        Type = type;
        Granularity = granularity;
    }

    public IntegerType Type { get; }

    public Granularity Granularity { get; }

    /// <summary>Positive, row-major in <see cref="Granularity.ParameterShape"/>.</summary>
    public ReadOnlySpan<float> Scales => _scales;

    /// <summary>As many as <see cref="Scales"/>, each an integer of <see cref="Type"/>.</summary>
    public ReadOnlySpan<int> ZeroPoints => _zeroPoints;

    /// <summary>Mapping number <paramref name="index"/> (0 per tensor, else the channel or the block's flat index).</summary>
    public AffineMapping this[int index] => new(_scales[index], _zeroPoints[index], Type);

    /// <summary>The same mapping for every element.</summary>
    public static TensorMapping PerTensor(AffineMapping mapping) =>
        new([mapping.Scale], [mapping.ZeroPoint], mapping.Type, Granularity.PerTensor);

    /// <param name="mappings">In the order of <see cref="Granularity.ParameterShape"/>; all of one type.</param>
    /// <param name="granularity">What each mapping is for.</param>
    /// <exception cref="ArgumentException">There is no mapping, or they differ in type.</exception>
    public static TensorMapping From(IReadOnlyList<AffineMapping> mappings, Granularity granularity)
    {
        if (mappings.Count == 0 || mappings.Any(m => m.Type != mappings[0].Type))
            throw new ArgumentException("a tensor needs at least one mapping, and all of one type", nameof(mappings));
        if (granularity.Axis is null && mappings.Count != 1)
            throw new ArgumentException($"per-tensor quantization takes one mapping, not {mappings.Count}", nameof(mappings));
        return new TensorMapping([.. mappings.Select(m => m.Scale)], [.. mappings.Select(m => m.ZeroPoint)], mappings[0].Type, granularity);
    }

    /// <summary>Min-max mappings of a constant tensor, e.g. a weight.</summary>
    /// <param name="values">Row-major, finite.</param>
    /// <param name="shape">Dimensions; their product is the number of values.</param>
    /// <param name="granularity">Elements that share a mapping.</param>
    /// <param name="type">The type of the integers.</param>
    /// <param name="symmetric">Whether every zero point is 0 (signed types).</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is NaN or infinite, or the tensor has no such axis.</exception>
    public static TensorMapping FromValues(
        ReadOnlySpan<float> values, ReadOnlySpan<long> shape, Granularity granularity, IntegerType type, bool symmetric = false)
    {
        TensorRows rows = new(shape, granularity, values.Length);
        AffineMapping[] mappings = new AffineMapping[rows.Parameters];
        RealRange[] ranges = new RealRange[rows.Parameters];
        for (int row = 0; row < rows.Count; row++)
        {
            ReadOnlySpan<float> elements = rows.Slice(values, row);
            int first = rows.FirstParameter(row);
            for (int i = 0; i < elements.Length; i++)
            {
                ref RealRange range = ref ranges[rows.Elementwise ? first + i : first];
                range = float.IsFinite(elements[i])
                    ? range.Union(new RealRange(elements[i], elements[i]))
                    : throw new ArgumentOutOfRangeException(nameof(values), elements[i], "only finite values have a range");
            }
        }

        for (int i = 0; i < mappings.Length; i++)
            mappings[i] = AffineMapping.FromRange(ranges[i], type, symmetric);
        return mappings.Length == 0 ? new TensorMapping([], [], type, granularity) : From(mappings, granularity);
    }

    /// <summary>Quantizes a tensor; 4-bit integers take a byte each (see <see cref="PackedInt4"/>).</summary>
    /// <typeparam name="T">sbyte for INT8 and INT4, byte for UINT8 and UINT4, short for INT16, ushort for UINT16.</typeparam>
    /// <param name="values">Row-major.</param>
    /// <param name="shape">The tensor's dimensions.</param>
    /// <param name="integers">As long as <paramref name="values"/>.</param>
    /// <exception cref="InvalidOperationException"><typeparamref name="T"/> does not hold <see cref="Type"/>.</exception>
    /// <exception cref="ArgumentException">The shape does not fit the values or the mappings.</exception>
    public void Quantize<T>(ReadOnlySpan<float> values, ReadOnlySpan<long> shape, Span<T> integers)
        where T : unmanaged, IBinaryInteger<T>
    {
        Type.RequireStorage<T>();
        TensorRows rows = Rows(shape, values.Length);
        for (int row = 0; row < rows.Count; row++)
        {
            if (rows.Elementwise)
                Elementwise(rows, row).Quantize(rows.Slice(values, row), rows.Slice(integers, row));
            else
                new UniformKernel(this[rows.FirstParameter(row)]).Quantize(rows.Slice(values, row), rows.Slice(integers, row));
        }
    }

    /// <summary>S·(q − Z) of every element.</summary>
    /// <inheritdoc cref="Quantize{T}"/>
    public void Dequantize<T>(ReadOnlySpan<T> integers, ReadOnlySpan<long> shape, Span<float> values)
        where T : unmanaged, IBinaryInteger<T>
    {
        Type.RequireStorage<T>();
        TensorRows rows = Rows(shape, integers.Length);
        for (int row = 0; row < rows.Count; row++)
        {
            if (rows.Elementwise)
                Elementwise(rows, row).Dequantize(rows.Slice(integers, row), rows.Slice(values, row));
            else
                new UniformKernel(this[rows.FirstParameter(row)]).Dequantize(rows.Slice(integers, row), rows.Slice(values, row));
        }
    }

    /// <summary>Replaces every value by what is left of it after quantization.</summary>
    /// <param name="values">Row-major.</param>
    /// <param name="shape">The tensor's dimensions.</param>
    /// <exception cref="ArgumentException">The shape does not fit the values or the mappings.</exception>
    public void RoundTrip(Span<float> values, ReadOnlySpan<long> shape)
    {
        TensorRows rows = Rows(shape, values.Length);
        for (int row = 0; row < rows.Count; row++)
        {
            Span<float> elements = rows.Slice(values, row);
            if (rows.Elementwise)
                Elementwise(rows, row).RoundTrip(elements, elements);
            else
                new UniformKernel(this[rows.FirstParameter(row)]).RoundTrip(elements, elements);
        }
    }

    private ElementwiseKernel Elementwise(TensorRows rows, int row)
    {
        int first = rows.FirstParameter(row);
        return new ElementwiseKernel(_scales.AsSpan(first, rows.Length), _zeroPoints.AsSpan(first, rows.Length), Type);
    }

    private TensorRows Rows(ReadOnlySpan<long> shape, int length)
    {
        TensorRows rows = new(shape, Granularity, length);
        return rows.Parameters == _scales.Length
            ? rows
            : throw new ArgumentException($"a tensor of shape [{string.Join(',', shape.ToArray())}] needs {rows.Parameters} mappings, there are {_scales.Length}", nameof(shape));
    }
}
