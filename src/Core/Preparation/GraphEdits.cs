using System.Diagnostics.CodeAnalysis;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Preparation;

/// <summary>The changes rewrites are made of. All leave re-indexing to the caller.</summary>
internal static class GraphEdits
{
    /// <summary>Takes out this very node (equal twins stay).</summary>
    public static void RemoveNode(this Graph graph, NodeProto node)
    {
        for (int i = 0; i < graph.Nodes.Count; i++)
        {
            if (ReferenceEquals(graph.Nodes[i], node))
            {
                graph.Nodes.RemoveAt(i);
                return;
            }
        }
    }

    public static void InsertBefore(this Graph graph, NodeProto node, params ReadOnlySpan<NodeProto> added) => graph.Insert(node, 0, added);

    public static void InsertAfter(this Graph graph, NodeProto node, params ReadOnlySpan<NodeProto> added) => graph.Insert(node, 1, added);

    /// <summary>Whether the tensor has one reader, which is a node of this very graph.</summary>
    public static bool HasSingleReader(this Graph graph, string tensor, [NotNullWhen(true)] out NodeProto? reader)
    {
        reader = null;
        if (graph.IsOutput(tensor) || graph.IsUsedInSubgraph(tensor) || graph.Consumers(tensor) is not [NodeProto only]
            || only.Input.Count(i => i == tensor) != 1)
            return false;
        reader = only;
        return true;
    }

    /// <summary>
    /// Takes out a node that hands on <paramref name="input"/> as <paramref name="output"/>. Names of graph outputs survive:
    /// where the output is one, what makes the input takes its name. False where neither is possible.
    /// </summary>
    public static bool TryBypass(this Graph graph, NodeProto node, string input, string output)
    {
        if (!graph.IsOutput(output))
        {
            if (graph.IsUsedInSubgraph(output))
                return false;
            foreach (NodeProto reader in graph.Consumers(output))
                reader.ReplaceInput(output, input);
            graph.RemoveNode(node);
            return true;
        }

        if (graph.Producer(input) is not { } producer || graph.IsOutput(input) || graph.IsUsedInSubgraph(input))
            return false;
        foreach (NodeProto reader in graph.Consumers(input))
            reader.ReplaceInput(input, output);
        producer.ReplaceOutput(input, output);
        graph.RemoveNode(node);
        return true;
    }

    public static void ReplaceInput(this NodeProto node, string from, string to)
    {
        for (int i = 0; i < node.Input.Count; i++)
        {
            if (node.Input[i] == from)
                node.Input[i] = to;
        }
    }

    public static void ReplaceOutput(this NodeProto node, string from, string to)
    {
        for (int i = 0; i < node.Output.Count; i++)
        {
            if (node.Output[i] == from)
                node.Output[i] = to;
        }
    }

    /// <summary>
    /// Gives the node a changed constant as input <paramref name="index"/>: under the old name where nobody else reads the old
    /// one, as a new initializer elsewhere.
    /// </summary>
    public static void SetConstant(this Graph graph, NodeProto node, int index, string stem, IEnumerable<long> shape, ReadOnlySpan<float> values)
    {
        while (node.Input.Count <= index)
            node.Input.Add("");
        string old = node.Input[index];
        if (old.Length > 0 && graph.Initializer(old) is { } initializer && graph.HasSingleReader(old, out _))
        {
            TensorProto changed = Tensors.FromFloats(old, shape, values);
            initializer.Dims.Clear();
            initializer.Dims.AddRange(changed.Dims);
            initializer.FloatData.Clear();
            initializer.RawData = changed.RawData;
            return;
        }

        node.Input[index] = graph.AddConstant(old.Length > 0 ? old : stem, Tensors.FromFloats("", shape, values));
    }

    /// <summary>Adds an initializer under a fresh name.</summary>
    public static string AddConstant(this Graph graph, string stem, TensorProto value)
    {
        string name = graph.FreshName(stem);
        value.Name = name;
        graph.Proto.Initializer.Add(value);
        return name;
    }

    /// <summary>The tensor's dimensions as the graph declares them, −1 where symbolic; null where it says nothing.</summary>
    public static long[]? Dimensions(this Graph graph, string tensor)
    {
        if (graph.Initializer(tensor) is { } initializer)
            return [.. initializer.Dims];
        ValueInfoProto? declared = graph.Proto.ValueInfo.FirstOrDefault(v => v.Name == tensor)
            ?? graph.Proto.Input.FirstOrDefault(v => v.Name == tensor)
            ?? graph.Proto.Output.FirstOrDefault(v => v.Name == tensor);
        return declared?.Type?.TensorType?.Shape is { } shape
            ? [.. shape.Dim.Select(d => d.ValueCase == TensorShapeProto.Types.Dimension.ValueOneofCase.DimValue ? d.DimValue : -1)]
            : null;
    }

    /// <summary>The number of the tensor's dimensions as the graph declares it, or null.</summary>
    public static int? Rank(this Graph graph, string tensor) => graph.Dimensions(tensor)?.Length;

    private static void Insert(this Graph graph, NodeProto node, int offset, ReadOnlySpan<NodeProto> added)
    {
        for (int i = 0; i < graph.Nodes.Count; i++)
        {
            if (!ReferenceEquals(graph.Nodes[i], node))
                continue;
            foreach (NodeProto one in added)
                graph.Nodes.Insert(i + offset++, one);
            return;
        }

        throw new InvalidOperationException($"node {node.Name} is not in the graph");
    }
}
