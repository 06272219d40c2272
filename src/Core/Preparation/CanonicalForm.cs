using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Preparation;

/// <summary>
/// One way to write a graph: nothing unused, every node named once, lists without meaning to their order sorted.
/// Two runs that made the same graph then have the same bytes.
/// </summary>
internal static class CanonicalForm
{
    public static void Apply(OnnxModel model)
    {
        GraphProto graph = model.Proto.Graph;
        RemoveDeadNodes(model.Graph);
        Sort(graph.Initializer.Where(i => model.Graph.Consumers(i.Name).Count > 0 || model.Graph.IsOutput(i.Name)), graph.Initializer, i => i.Name);

        HashSet<string> made = [.. graph.Node.SelectMany(n => n.Output)];
        Sort(graph.ValueInfo.Where(v => made.Contains(v.Name) && !model.Graph.IsOutput(v.Name)).DistinctBy(v => v.Name), graph.ValueInfo, v => v.Name);
        NameNodes(graph);

        HashSet<string> domains = [.. Domains(graph), .. model.Proto.Functions.SelectMany(f => f.Node.SelectMany(Domains))];
        Sort(model.Proto.OpsetImport.Where(o => Domain(o.Domain).Length == 0 || domains.Contains(o.Domain)), model.Proto.OpsetImport, o => o.Domain);
        model.Graph.Reindex();
    }

    /// <summary>Takes away nodes whose outputs nobody reads, until there are none.</summary>
    private static void RemoveDeadNodes(Graph graph)
    {
        bool removed = true;
        while (removed)
        {
            List<NodeProto> dead = [.. graph.Nodes.Where(n => n.Output.All(o => o.Length == 0 || (graph.Consumers(o).Count == 0 && !graph.IsOutput(o))))];
            removed = dead.Count > 0;
            foreach (NodeProto node in dead)
                graph.RemoveNode(node);
            graph.Reindex();
        }
    }

    private static void NameNodes(GraphProto graph)
    {
        HashSet<string> names = [];
        foreach (NodeProto node in graph.Node)
        {
            string stem = node.Name.Length > 0 ? node.Name : node.Output.FirstOrDefault(o => o.Length > 0) ?? node.OpType;
            string name = stem;
            for (int i = 2; !names.Add(name); i++)
                name = $"{stem}_{i}";
            node.Name = name;
        }
    }

    private static IEnumerable<string> Domains(GraphProto graph) => graph.Node.SelectMany(Domains);

    private static IEnumerable<string> Domains(NodeProto node) => node.Attribute
        .SelectMany(a => a.G is null ? a.Graphs : a.Graphs.Prepend(a.G)).SelectMany(Domains).Prepend(Domain(node.Domain));

    private static string Domain(string domain) => domain == "ai.onnx" ? "" : domain;

    private static void Sort<T>(IEnumerable<T> items, Google.Protobuf.Collections.RepeatedField<T> into, Func<T, string> key)
    {
        List<T> sorted = [.. items.OrderBy(key, StringComparer.Ordinal)];
        into.Clear();
        into.AddRange(sorted);
    }
}
