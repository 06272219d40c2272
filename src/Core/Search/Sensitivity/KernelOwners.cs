using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;
using QuantCluster.Planning;

namespace QuantCluster.Search.Sensitivity;

/// <summary>
/// Which kernels of the graph ONNX Runtime made of a model are which layer's: the layer's own, and the conversions
/// beside it. Nodes are given unique names first, which fusions carry over; only the blocked layout of float
/// convolutions renames them, after the tensor they write.
/// </summary>
internal sealed class KernelOwners
{
    private static readonly HashSet<string> Conversions = ["QuantizeLinear", "DequantizeLinear", "ReorderInput", "ReorderOutput"];

    private readonly Graph _optimized;
    private readonly Dictionary<string, string> _owners = [];

    private KernelOwners(Graph optimized) => _optimized = optimized;

    /// <summary>A copy of the model whose nodes can be found again.</summary>
    public static OnnxModel Named(OnnxModel model)
    {
        OnnxModel named = model.Clone();
        for (int i = 0; i < named.Graph.Nodes.Count; i++)
            named.Graph.Nodes[i].Name = NameOf(i);
        named.Graph.Reindex();
        return named;
    }

    /// <param name="model">The model as it was given to ONNX Runtime, after <see cref="Named"/>.</param>
    /// <param name="optimized">What ONNX Runtime made of it.</param>
    /// <returns>Name of a kernel's node in <paramref name="optimized"/> to the id of its layer.</returns>
    public static IReadOnlyDictionary<string, string> Find(OnnxModel model, OnnxModel optimized, IReadOnlyList<Layer> layers)
    {
        KernelOwners owners = new(optimized.Graph);
        HashSet<string> ids = [.. layers.Select(l => l.Id)];
        NodeProto[] compute = [.. optimized.Graph.Nodes.Where(IsCompute)];
        for (int i = 0; i < model.Graph.Nodes.Count; i++)
        {
            NodeProto node = model.Graph.Nodes[i];
            if (node.Output.Count == 0 || !ids.Contains(node.Output[0]))
                continue;
            string name = NameOf(i);
            string[] blocked = [.. ResultsOf(model.Graph, node.Output[0]).Select(t => t + "_nchwc")];
            NodeProto[] kernels =
            [
                .. compute.Where(k => k.Name.Contains(name, StringComparison.Ordinal)
                    || blocked.Any(b => k.Name == b || k.Name.StartsWith(b + "_token", StringComparison.Ordinal))),
            ];
            if (kernels is [var only])
                owners._owners.TryAdd(only.Name, node.Output[0]);
        }

        owners.AddConversions();
        return owners._owners;
    }

    private static string NameOf(int index) => $"quant:{index}:";

    private static bool IsCompute(NodeProto node) =>
        node.OpType.Contains("Conv", StringComparison.Ordinal) || node.OpType.Contains("Gemm", StringComparison.Ordinal) || node.OpType.Contains("MatMul", StringComparison.Ordinal);

    /// <summary>The layer's output and what a fused activation or addition behind it would write instead.</summary>
    private static IEnumerable<string> ResultsOf(Graph graph, string tensor)
    {
        yield return tensor;
        for (int step = 0; step < 2 && graph.Consumers(tensor) is [var reader] && !IsCompute(reader); step++)
            yield return tensor = reader.Output[0];
    }

    /// <summary>A conversion is of the first layer that reads through it, else of the layer whose result it converts.</summary>
    private void AddConversions()
    {
        Dictionary<string, string> kernels = new(_owners);
        foreach (NodeProto node in _optimized.Nodes.Where(IsConversion))
        {
            if (ReaderOf(node) is { } reader)
                _owners[node.Name] = reader;
            else if (WriterOf(node) is { } writer)
                _owners[node.Name] = writer;
        }

        string? ReaderOf(NodeProto node)
        {
            foreach (NodeProto reader in _optimized.Consumers(node.Output[0]))
            {
                if (kernels.GetValueOrDefault(reader.Name) is { } layer)
                    return layer;
                if (IsConversion(reader) && ReaderOf(reader) is { } further)
                    return further;
            }

            return null;
        }

        string? WriterOf(NodeProto node)
        {
            while (_optimized.Producer(node.Input[0]) is { } producer)
            {
                if (kernels.GetValueOrDefault(producer.Name) is { } layer)
                    return layer;
                if (!IsConversion(producer))
                    return null;
                node = producer;
            }

            return null;
        }
    }

    /// <summary>Transposes count where ONNX Runtime put them in: those have names of its own.</summary>
    public static bool IsConversion(NodeProto node) => Conversions.Contains(node.OpType)
        || (node.OpType == "Transpose" && !node.Name.Contains("quant:", StringComparison.Ordinal));
}
