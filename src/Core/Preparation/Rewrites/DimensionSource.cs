using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Preparation.Rewrites;

/// <summary>Dimension <paramref name="Axis"/> of <paramref name="Tensor"/>, computed at run time.</summary>
internal readonly record struct DimensionSource(string Tensor, int Axis)
{
    /// <summary>How many nodes are looked at to find where a dimension comes from.</summary>
    private const int LargestSearch = 256;

    /// <summary>The dimensions that a tensor lists: Gather or Slice of a Shape, with Casts, Unsqueezes and Squeezes on the way.</summary>
    public static List<DimensionSource>? ListOf(Graph graph, string tensor)
    {
        (long First, long Count)? range = null;
        for (NodeProto? node = graph.Producer(tensor); node is not null; node = graph.Producer(node.Input[0]))
        {
            switch (node.OpType)
            {
                case "Unsqueeze" or "Squeeze" or "Cast":
                    continue;
                case "Gather" when range is null && node.IntAttribute("axis", 0) == 0 && Single(graph, node, 1) is { } index:
                    range = (index, 1);
                    continue;
                case "Slice" when range is null && Single(graph, node, 1) is >= 0 and var start && Single(graph, node, 2) is { } end && end > start
                        && (node.InputOrNull(4) is null || Single(graph, node, 4) == 1):
                    range = (start, end - start);
                    continue;
                case "Shape" when range is var (first, count) && node.Attribute.Count == 0 && graph.Rank(node.Input[0]) is { } rank:
                    string source = node.Input[0];
                    int from = (int)(first < 0 ? first + rank : first);
                    int until = (int)Math.Min(from + count, rank);
                    return [.. Enumerable.Range(from, until - from).Select(axis => new DimensionSource(source, axis))];
                default:
                    return null;
            }
        }

        return null;
    }

    /// <summary>Whether dimension <paramref name="axis"/> of <paramref name="tensor"/> is surely this one.</summary>
    public bool Covers(Graph graph, string tensor, int axis)
    {
        int left = LargestSearch;
        return Covers(graph, tensor, axis, ref left);
    }

    private bool Covers(Graph graph, string tensor, int axis, ref int left)
    {
        if (tensor == Tensor)
            return axis == Axis;
        if (left-- <= 0 || graph.Producer(tensor) is not { } node || node.Domain is not ("" or "ai.onnx") || graph.Rank(tensor) is not { } rank || axis >= rank)
            return false;
        switch (node.OpType)
        {
            case "Relu" or "Sigmoid" or "Tanh" or "Erf" or "Clip" or "HardSigmoid" or "Sqrt" or "Softmax" or "Neg" or "Identity" or "LeakyRelu" or "Cast":
                return Covers(graph, node.Input[0], axis, ref left);
            case "Transpose" when node.IntsAttribute("perm") is { } order:
                return Covers(graph, node.Input[0], (int)order[axis], ref left);
            case "Reshape" when graph.Initializer(node.Input[1])?.ToInt64s() is { } shape && axis < shape.Length && shape[axis] == 0:
                return Covers(graph, node.Input[0], axis, ref left);
            case "Add" or "Sub" or "Mul" or "Div":
                return CoversBroadcast(graph, node, axis, rank, ref left);
            case "MatMul" when axis < rank - 2:
                return CoversBroadcast(graph, node, axis, rank, ref left);
            case "MatMul" when axis == rank - 2:
                return graph.Rank(node.Input[0]) == rank && Covers(graph, node.Input[0], axis, ref left);
            default:
                return false;
        }
    }

    /// <summary>One operand has this dimension; the other has it too, or is 1 or absent there.</summary>
    private bool CoversBroadcast(Graph graph, NodeProto node, int axis, int rank, ref int left)
    {
        bool found = false;
        foreach (string operand in node.Input)
        {
            if (graph.Dimensions(operand) is not { } dimensions)
                return false;
            int own = axis - (rank - dimensions.Length);
            if (own < 0 || dimensions[own] == 1)
                continue;
            if (!Covers(graph, operand, own, ref left))
                return false;
            found = true;
        }

        return found;
    }

    private static long? Single(Graph graph, NodeProto node, int input) =>
        node.InputOrNull(input) is { } name && graph.Initializer(name) is { } constant && constant.ElementCount() == 1 ? constant.ToInt64s()[0] : null;
}
