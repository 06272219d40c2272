using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Preparation.Rewrites;

/// <summary>
/// A node that computes y = x · scale + shift with constants: Mul, Div, Add or Sub with an initializer that is a scalar
/// or varies along one axis, or BatchNormalization at inference.
/// </summary>
/// <param name="Input">The tensor x.</param>
/// <param name="Output">The tensor y.</param>
/// <param name="Scale">One value, or one a channel; null where the node only shifts.</param>
/// <param name="Shift">One value, or one a channel; null where the node only scales.</param>
/// <param name="AxisFromEnd">The axis the channels lie on, counted from the last (0); meaningless for single values.</param>
/// <param name="ConstantRank">Dimensions of the constant: y has at least as many.</param>
internal sealed record ConstantAffine(string Input, string Output, double[]? Scale, double[]? Shift, int AxisFromEnd, int ConstantRank)
{
    public bool IsScalar => (Scale ?? Shift)!.Length == 1;

    /// <summary>What the node computes, if it is one of these; null elsewhere.</summary>
    public static ConstantAffine? Of(Graph graph, NodeProto node)
    {
        if (node.IsStandard("BatchNormalization"))
            return OfBatchNormalization(graph, node);
        if (!(node.IsStandard("Mul") || node.IsStandard("Div") || node.IsStandard("Add") || node.IsStandard("Sub")))
            return null;

        bool constantFirst = graph.Initializer(node.Input[0]) is not null;
        if (constantFirst && node.OpType == "Div")
            return null;
        string input = node.Input[constantFirst ? 1 : 0];
        if (graph.Initializer(node.Input[constantFirst ? 0 : 1]) is not { } constant || constant.ElementType() != ElementType.Float
            || graph.Initializer(input) is not null || constant.ElementCount() == 0)
            return null;
        int[] wide = [.. Enumerable.Range(0, constant.Dims.Count).Where(d => constant.Dims[d] != 1)];
        if (wide.Length > 1)
            return null;

        int axis = wide.Length == 0 ? 0 : constant.Dims.Count - 1 - wide[0];
        double[] values = [.. constant.ToFloats().Select(v => (double)v)];
        double[]? scale = node.OpType switch
        {
            "Mul" => values,
            "Div" => [.. values.Select(v => 1 / v)],
            "Sub" when constantFirst => [-1],
            _ => null,
        };
        double[]? shift = node.OpType switch
        {
            "Add" => values,
            "Sub" => constantFirst ? values : [.. values.Select(v => -v)],
            _ => null,
        };
        if (scale is { Length: 1 } && shift is { Length: > 1 })
            scale = [.. Enumerable.Repeat(scale[0], shift.Length)];
        return (scale ?? []).Concat(shift ?? []).All(double.IsFinite)
            ? new ConstantAffine(input, node.Output[0], scale, shift, axis, constant.Dims.Count)
            : null;
    }

    /// <summary>The value for channel <paramref name="channel"/> of a list that may hold a single one; <paramref name="otherwise"/> for no list.</summary>
    public static double At(double[]? values, int channel, double otherwise) =>
        values is null ? otherwise : values[values.Length == 1 ? 0 : channel];

    private static ConstantAffine? OfBatchNormalization(Graph graph, NodeProto node)
    {
        if (node.IntAttribute("training_mode", 0) != 0 || node.Output.Skip(1).Any(o => o.Length > 0) || graph.Rank(node.Input[0]) is not { } rank || rank < 2)
            return null;
        TensorProto?[] constants = [.. Enumerable.Range(1, 4).Select(i => graph.Initializer(node.Input[i]))];
        if (constants.Any(c => c is null || c.ElementType() != ElementType.Float))
            return null;
        (float[] gamma, float[] beta, float[] mean, float[] variance) =
            (constants[0]!.ToFloats(), constants[1]!.ToFloats(), constants[2]!.ToFloats(), constants[3]!.ToFloats());
        double epsilon = node.FloatAttribute("epsilon", 1e-5f);
        double[] scale = [.. gamma.Select((g, c) => g / Math.Sqrt(variance[c] + epsilon))];
        double[] shift = [.. beta.Select((b, c) => b - mean[c] * scale[c])];
        return scale.Concat(shift).All(double.IsFinite)
            ? new ConstantAffine(node.Input[0], node.Output[0], scale, shift, rank - 2, rank)
            : null;
    }
}
