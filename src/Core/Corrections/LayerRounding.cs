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

    /// <summary>A matrix of more columns squared is not kept in memory: the layer keeps its nearest integers.</summary>
    public const int MostColumns = 2048;

    /// <summary>Elements of all groups' matrices together.</summary>
    private const long MostElements = 1L << 23;

    /// <summary>Whether the layer's Hessian is small enough to be kept.</summary>
    public static bool CanRound(OnnxModel prepared, Layer layer)
    {
        (long groups, long columns) = InputPatches.SizeOf(prepared.Graph.Producer(layer.Id)!, prepared.Graph.Initializer(layer.Weight)!.Dims);
        return columns is > 1 and <= MostColumns && groups * columns * columns <= MostElements;
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
        int columns = hessian.Columns, channels = values.Length / columns, each = channels / hessian.Groups;
        sbyte[] integers = [.. weight.Values];
        void RoundGroup(int group, int innerThreads)
        {
            float[] steps = new float[each * columns];
            sbyte[] nearest = new sbyte[each * columns];
            for (int i = 0; i < steps.Length; i++)
            {
                int channel = (group * each) + (i / columns);
                int at = Position(channel, i % columns);
                steps[i] = values[at] / weight.Scales[weight.Scales.Length == 1 ? 0 : channel];
                nearest[i] = weight.Values[at];
            }

            double[] matrix = hessian.Matrix(group, centred);
            sbyte[] rounded = HessianRounding.Round(matrix, columns, steps, nearest, weight.Type.Maximum(), innerThreads);
            if (weight.Type == IntegerType.Int4)
                RoundingRefinement.Refine(matrix, columns, steps, rounded, weight.Type.Maximum(), innerThreads);
            for (int i = 0; i < rounded.Length; i++)
                integers[Position((group * each) + (i / columns), i % columns)] = rounded[i];
        }

        // Output channels are the first axis, or the last of a matrix.
        int Position(int channel, int column) => layer.WeightAxis == 0 ? (channel * columns) + column : (column * channels) + channel;

        if (hessian.Groups == 1)
            RoundGroup(0, threads);
        else
            Parallel.For(0, hessian.Groups, new ParallelOptions { MaxDegreeOfParallelism = threads > 0 ? threads : -1 }, g => RoundGroup(g, 1));
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
        InputHessian hessian = new(groups, columns, threads);
        List<(long[] Shape, InputPatches Patches)> shapes = [];
        InputPatches PatchesOf(DenseTensor input)
        {
            int found = shapes.FindIndex(s => s.Shape.AsSpan().SequenceEqual(input.Shape));
            if (found < 0)
                shapes.Add((input.Shape, InputPatches.Of(node, weightShape, input.Shape)));
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
