using QuantCluster.Numerics;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Corrections;

/// <summary>
/// A layer's input as the rows its weights are multiplied with (im2col): one row for each position of the output,
/// one column for each weight of an output channel, in the weight's own order. Rows are not stored: element
/// (row, column) of a group is <c>padded[RowStart(row) + ColumnOffsets(group)[column]]</c>.
/// </summary>
internal sealed class InputPatches
{
    private readonly long[] _shape;
    private readonly int[] _padBegin;
    private readonly int[] _paddedSize;
    private readonly int[] _outputSize;
    private readonly int[] _rowStride;
    private readonly int[][] _columnOffsets;

    private InputPatches(long[] shape, int[] padBegin, int[] paddedSize, int[] outputSize, int[] rowStride, int[][] columnOffsets)
    {
        _shape = shape;
        _padBegin = padBegin;
        _paddedSize = paddedSize;
        _outputSize = outputSize;
        _rowStride = rowStride;
        _columnOffsets = columnOffsets;
        Rows = outputSize.Aggregate(1, (n, s) => checked(n * s));
        PaddedLength = paddedSize.Aggregate(1, (n, s) => checked(n * s));
    }

    /// <summary>Positions of the output, batch included.</summary>
    public int Rows { get; }

    /// <summary>Elements of the padded input.</summary>
    public int PaddedLength { get; }

    public int Groups => _columnOffsets.Length;

    /// <summary>Weights of one output channel.</summary>
    public int Columns => _columnOffsets[0].Length;

    /// <param name="node">A Conv, a Gemm with transA = 0, or a MatMul with a matrix of constant weights.</param>
    /// <param name="weightShape">Dimensions of its weight.</param>
    /// <param name="inputShape">Dimensions of its input in one run.</param>
    public static InputPatches Of(NodeProto node, IReadOnlyList<long> weightShape, long[] inputShape) =>
        node.OpType == "Conv" ? OfConvolution(node, weightShape, inputShape) : OfProduct(inputShape);

    /// <summary>Groups and columns of a layer, which do not depend on its input's shape.</summary>
    public static (int Groups, int Columns) SizeOf(NodeProto node, IReadOnlyList<long> weightShape)
    {
        if (node.OpType == "Conv")
            return ((int)node.IntAttribute("group", 1), (int)weightShape.Skip(1).Aggregate(1L, (n, d) => n * d));
        return (1, (int)weightShape[node.OpType == "Gemm" && node.IntAttribute("transB", 0) != 0 ? 1 : 0]);
    }

    /// <summary>The same rows, each group's columns cut into equal blocks that count as groups.</summary>
    public InputPatches InBlocks(int blocks) => blocks == 1 ? this : new InputPatches(
        _shape, _padBegin, _paddedSize, _outputSize, _rowStride, [.. _columnOffsets.SelectMany(c => c.Chunk(c.Length / blocks))]);

    public ReadOnlySpan<int> ColumnOffsets(int group) => _columnOffsets[group];

    public int RowStart(int row)
    {
        int start = 0;
        for (int d = _outputSize.Length - 1; d >= 0; d--)
        {
            (row, int at) = Math.DivRem(row, _outputSize[d]);
            start += at * _rowStride[d];
        }

        return start;
    }

    /// <summary>
    /// Writes the quantized input as integers less the zero point (as floats, which hold them exactly), with zeros
    /// around it where the layer pads.
    /// </summary>
    public void Pad(ReadOnlySpan<byte> integers, AffineMapping mapping, Span<float> padded)
    {
        Span<float> table = stackalloc float[256];
        for (int i = 0; i < 256; i++)
            table[i] = (mapping.Type == IntegerType.UInt8 ? i : (sbyte)i) - mapping.ZeroPoint;
        padded = padded[..PaddedLength];
        int width = (int)_shape[^1];
        if (PaddedLength > integers.Length)
            padded.Clear();
        for (int line = 0, from = 0; from < integers.Length; line++, from += width)
        {
            int to = _padBegin[^1], rest = line;
            for (int d = _shape.Length - 2, stride = _paddedSize[^1]; d >= 0; d--)
            {
                (rest, int at) = Math.DivRem(rest, (int)_shape[d]);
                to += (at + _padBegin[d]) * stride;
                stride *= _paddedSize[d];
            }

            ReadOnlySpan<byte> source = integers.Slice(from, width);
            Span<float> target = padded.Slice(to, width);
            for (int i = 0; i < source.Length; i++)
                target[i] = table[source[i]];
        }
    }

    private static InputPatches OfProduct(long[] shape)
    {
        int columns = (int)shape[^1];
        int rows = (int)shape.Take(shape.Length - 1).Aggregate(1L, (n, d) => n * d);
        return new InputPatches([rows, columns], [0, 0], [rows, columns], [rows], [columns], [[.. Enumerable.Range(0, columns)]]);
    }

    private static InputPatches OfConvolution(NodeProto node, IReadOnlyList<long> weightShape, long[] shape)
    {
        int spatial = shape.Length - 2;
        long[] strides = node.IntsAttribute("strides") ?? [], dilations = node.IntsAttribute("dilations") ?? [];
        int[] padBegin = new int[shape.Length], padded = [.. shape.Select(d => (int)d)], output = new int[spatial + 1];
        int[] step = new int[spatial], dilation = new int[spatial], kernel = new int[spatial];
        output[0] = (int)shape[0];
        for (int d = 0; d < spatial; d++)
        {
            step[d] = strides.Length > 0 ? (int)strides[d] : 1;
            dilation[d] = dilations.Length > 0 ? (int)dilations[d] : 1;
            kernel[d] = (int)weightShape[d + 2];
            (int begin, int end) = Padding(node, d, spatial, (int)shape[d + 2], step[d], ((kernel[d] - 1) * dilation[d]) + 1);
            padBegin[d + 2] = begin;
            padded[d + 2] += begin + end;
            output[d + 1] = ((padded[d + 2] - ((kernel[d] - 1) * dilation[d]) - 1) / step[d]) + 1;
        }

        // Distance of neighbours along each axis of the padded tensor.
        int[] distance = new int[shape.Length];
        distance[^1] = 1;
        for (int d = shape.Length - 2; d >= 0; d--)
            distance[d] = checked(distance[d + 1] * padded[d + 1]);
        int[] rowStride = [distance[0], .. Enumerable.Range(0, spatial).Select(d => step[d] * distance[d + 2])];

        int groups = (int)node.IntAttribute("group", 1), channels = (int)weightShape[1];
        int taps = kernel.Aggregate(1, (n, k) => n * k);
        int[][] offsets = [.. Enumerable.Range(0, groups).Select(_ => new int[channels * taps])];
        for (int g = 0; g < groups; g++)
        {
            for (int column = 0; column < channels * taps; column++)
            {
                (int channel, int rest) = Math.DivRem(column, taps);
                int offset = ((g * channels) + channel) * distance[1];
                for (int d = spatial - 1; d >= 0; d--)
                {
                    (rest, int at) = Math.DivRem(rest, kernel[d]);
                    offset += at * dilation[d] * distance[d + 2];
                }

                offsets[g][column] = offset;
            }
        }

        return new InputPatches(shape, padBegin, padded, output, rowStride, offsets);
    }

    /// <summary>Zeros before and after along a spatial axis, as the ONNX operator Conv defines pads and auto_pad.</summary>
    private static (int Begin, int End) Padding(NodeProto node, int axis, int spatial, int size, int step, int extent)
    {
        string automatic = node.StringAttribute("auto_pad", "NOTSET");
        if (automatic is "SAME_UPPER" or "SAME_LOWER")
        {
            int total = Math.Max(0, ((((size + step - 1) / step) - 1) * step) + extent - size);
            return automatic == "SAME_UPPER" ? (total / 2, total - (total / 2)) : (total - (total / 2), total / 2);
        }

        long[] pads = node.IntsAttribute("pads") ?? [];
        return automatic == "VALID" || pads.Length == 0 ? (0, 0) : ((int)pads[axis], (int)pads[axis + spatial]);
    }
}
