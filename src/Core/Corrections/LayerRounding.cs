using QuantCluster.Data;
using QuantCluster.Emission;
using QuantCluster.Numerics;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;
using QuantCluster.Planning;

namespace QuantCluster.Corrections;

/// <summary><see cref="HessianRounding"/> of a layer of the model, for the quantized inputs it is given.</summary>
internal static class LayerRounding
{
    /// <summary>Multiply-accumulates spent on a layer's Hessian, about: beyond, rows are left out evenly.</summary>
    private const double Budget = 1e9;

    /// <summary>Of a layer with more columns blocks of them are rounded by themselves, as if inputs of different blocks did not go together.</summary>
    public const int MostColumns = 2048;

    /// <summary>In smaller blocks there is little left to make up for an error.</summary>
    private const int FewestColumns = 64;

    /// <summary>Elements of all groups' matrices together.</summary>
    private const long MostElements = 1L << 23;

    /// <summary>
    /// Whether the layer's Hessian, or that of equal blocks of its columns, is small enough to be kept: else the layer keeps its
    /// nearest integers.
    /// </summary>
    public static bool CanRound(OnnxModel prepared, Layer layer)
    {
        (int groups, int columns) = InputPatches.SizeOf(prepared.Graph.Producer(layer.Id)!, prepared.Graph.Initializer(layer.Weight)!.Dims);
        return columns > 1 && BlocksOf(groups, columns) is not null;
    }

    /// <summary>Into how many equal blocks a layer's columns are cut, the fewest that fit into memory; null where none do.</summary>
    internal static int? BlocksOf(int groups, int columns)
    {
        for (int blocks = 1; blocks == 1 || columns / blocks >= FewestColumns; blocks++)
        {
            long each = columns / blocks;
            if (columns % blocks == 0 && each <= MostColumns && groups * blocks * each * each <= MostElements)
                return blocks;
        }

        return null;
    }

    /// <param name="weight">Scales, and the integers to better.</param>
    /// <param name="inputs">The layer's quantized input, sample by sample.</param>
    /// <param name="mapping">Of the input.</param>
    /// <param name="centred">Whether a bias will make up for the mean error.</param>
    /// <returns>The same scales with integers whose squared output error is lower or the same, channel by channel.</returns>
    public static QuantizedWeight Round(
        OnnxModel prepared, Layer layer, QuantizedWeight weight, IReadOnlyList<DenseTensor> inputs, AffineMapping mapping, bool centred, int threads)
    {
        InputHessian hessian = Observe(prepared, layer, inputs, mapping, threads);
        float[] values = prepared.Graph.Initializer(layer.Weight)!.ToFloats();
        (int groups, int all) = InputPatches.SizeOf(prepared.Graph.Producer(layer.Id)!, prepared.Graph.Initializer(layer.Weight)!.Dims);
        int columns = hessian.Columns, blocks = all / columns, channels = values.Length / all, each = channels / groups;
        sbyte[] integers = [.. weight.Values];
        void RoundBlock(int index, int innerThreads)
        {
            (int group, int block) = Math.DivRem(index, blocks);
            float[] steps = new float[each * columns];
            sbyte[] nearest = new sbyte[each * columns];
            for (int i = 0; i < steps.Length; i++)
            {
                int channel = (group * each) + (i / columns);
                int at = Position(channel, (block * columns) + (i % columns));
                steps[i] = values[at] / weight.Scales[weight.Scales.Length == 1 ? 0 : channel];
                nearest[i] = weight.Values[at];
            }

            double[] matrix = hessian.Matrix(index, centred);
            sbyte[] rounded = HessianRounding.Round(matrix, columns, steps, nearest, weight.Type.Maximum(), innerThreads);
            if (weight.Type == IntegerType.Int4)
                RoundingRefinement.Refine(matrix, columns, steps, rounded, weight.Type.Maximum(), innerThreads);
            for (int i = 0; i < rounded.Length; i++)
                integers[Position((group * each) + (i / columns), (block * columns) + (i % columns))] = rounded[i];
        }

        // Output channels are the first axis, or the last of a matrix.
        int Position(int channel, int column) => layer.WeightAxis == 0 ? (channel * all) + column : (column * channels) + channel;

        // Large matrices one after the other: each is copied and factorized.
        if (groups == 1)
        {
            for (int b = 0; b < blocks; b++)
                RoundBlock(b, threads);
        }
        else
        {
            Parallel.For(0, hessian.Groups, new ParallelOptions { MaxDegreeOfParallelism = threads > 0 ? threads : -1 }, g => RoundBlock(g, 1));
        }

        return weight with { Values = integers };
    }

    /// <summary>The Hessian of as many rows as the budget allows, spread evenly over samples and positions.</summary>
    /// <param name="budget">Multiply-accumulates to spend, about; two rows a column are always taken.</param>
    public static InputHessian Observe(
        OnnxModel prepared, Layer layer, IReadOnlyList<DenseTensor> inputs, AffineMapping mapping, int threads, double budget = Budget)
    {
        NodeProto node = prepared.Graph.Producer(layer.Id)!;
        IReadOnlyList<long> weightShape = prepared.Graph.Initializer(layer.Weight)!.Dims;
        (int groups, int columns) = InputPatches.SizeOf(node, weightShape);
        int blocks = BlocksOf(groups, columns) ?? throw new InvalidOperationException($"{layer.Node}: {columns} columns are too many");
        (groups, columns) = (groups * blocks, columns / blocks);
        InputHessian hessian = new(groups, columns, threads);
        List<(long[] Shape, InputPatches Patches)> shapes = [];
        InputPatches PatchesOf(DenseTensor input)
        {
            int found = shapes.FindIndex(s => s.Shape.AsSpan().SequenceEqual(input.Shape));
            if (found < 0)
                shapes.Add((input.Shape, InputPatches.Of(node, weightShape, input.Shape).InBlocks(blocks)));
            return shapes[found < 0 ? ^1 : found].Patches;
        }

        long rows = inputs.Sum(i => (long)PatchesOf(i).Rows);
        double most = Math.Max(budget / (groups * (double)columns * ((columns / 2.0) + 16)), 2 * columns);
        int stride = (int)Math.Max(1, Math.Ceiling(rows / most));
        float[] padded = [];
        for (int s = 0; s < inputs.Count; s++)
        {
            InputPatches patches = PatchesOf(inputs[s]);
            if (padded.Length < patches.PaddedLength)
                padded = new float[patches.PaddedLength];
            patches.Pad(inputs[s].Bytes.Span, mapping, padded);
            // Another first row for each sample, so that a stride that divides a line's length sees all columns.
            hessian.Add(patches, padded, s % stride, stride);
        }

        hessian.Complete();
        return hessian;
    }
}
