using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Preparation.Upgrading;

/// <summary>Brings a model of opset 7 to 12 to a later one, version by version, in the main graph, subgraphs and functions.</summary>
internal static class OpsetUpgrader
{
    /// <summary>Before 7, elementwise operators broadcast by attributes of their own.</summary>
    public const long OldestOpset = 7;

    /// <summary>Upgrades <paramref name="model"/> in place and gives the number of nodes changed.</summary>
    /// <param name="tensors">Types and shapes of the main graph's tensors, as far as known.</param>
    /// <exception cref="QuantException">The model is older than <see cref="OldestOpset"/>, or a node cannot be upgraded.</exception>
    public static int Upgrade(OnnxModel model, long target, IReadOnlyDictionary<string, KnownTensor> tensors)
    {
        if (model.Opset >= target)
            return 0;
        if (model.Opset < OldestOpset)
        {
            throw new QuantException(ExitCode.BadModel,
                $"the model uses opset {model.Opset}; opsets before {OldestOpset} cannot be upgraded. Export it again with opset {target} or later.");
        }

        Walk upgrade = new(model.Proto, tensors);
        for (long version = model.Opset + 1; version <= target; version++)
            upgrade.To(model.Proto.Graph, version);
        foreach (OperatorSetIdProto import in model.Proto.OpsetImport.Where(o => o.Domain is "" or "ai.onnx"))
            import.Version = target;
        foreach (FunctionProto function in model.Proto.Functions)
        {
            if (function.OpsetImport.FirstOrDefault(o => o.Domain is "" or "ai.onnx") is not { } import || import.Version >= target)
                continue;
            for (long version = import.Version + 1; version <= target; version++)
                upgrade.To(function.Node, version);
            import.Version = target;
        }

        // Opset 13 came with format version 7.
        model.Proto.IrVersion = Math.Max(model.Proto.IrVersion, 7);
        model.Graph.Reindex();
        return upgrade.Changed;
    }

    private sealed class Walk(ModelProto model, IReadOnlyDictionary<string, KnownTensor> tensors)
    {
        private readonly HashSet<string> _used = [.. AllNames(model)];
        private readonly HashSet<string> _read = [.. ReadNames(model)];

        public int Changed { get; private set; }

        public void To(GraphProto graph, long version) => To(graph.Node, version);

        public void To(Google.Protobuf.Collections.RepeatedField<NodeProto> nodes, long version)
        {
            List<NodeProto> result = new(nodes.Count);
            foreach (NodeProto node in nodes)
            {
                foreach (AttributeProto attribute in node.Attribute)
                {
                    if (attribute.G is not null)
                        To(attribute.G, version);
                    foreach (GraphProto body in attribute.Graphs)
                        To(body, version);
                }

                if (node.Domain is not ("" or "ai.onnx") || OperatorChanges.Find(node.OpType, version) is not { } change)
                {
                    result.Add(node);
                    continue;
                }

                UpgradeSite site = new(node, version, tensors, _used, _read);
                change(site);
                result.AddRange(site.Before);
                result.Add(node);
                result.AddRange(site.After);
                Changed++;
            }

            nodes.Clear();
            nodes.AddRange(result);
        }

        private static IEnumerable<string> AllNames(ModelProto model) =>
            Graphs(model.Graph).SelectMany(g => g.Input.Select(i => i.Name).Concat(g.Initializer.Select(i => i.Name)))
                .Concat(AllNodes(model).SelectMany(n => n.Input.Concat(n.Output).Append(n.Name)));

        private static IEnumerable<string> ReadNames(ModelProto model) =>
            Graphs(model.Graph).SelectMany(g => g.Output.Select(o => o.Name))
                .Concat(model.Functions.SelectMany(f => f.Output))
                .Concat(AllNodes(model).SelectMany(n => n.Input));

        private static IEnumerable<NodeProto> AllNodes(ModelProto model) => Graphs(model.Graph).SelectMany(g => g.Node)
            .Concat(model.Functions.SelectMany(f => f.Node.SelectMany(n => Graphs(n).SelectMany(g => g.Node).Prepend(n))));

        private static IEnumerable<GraphProto> Graphs(GraphProto graph) => graph.Node.SelectMany(Graphs).Prepend(graph);

        private static IEnumerable<GraphProto> Graphs(NodeProto node) => node.Attribute
            .SelectMany(a => a.G is null ? a.Graphs : a.Graphs.Prepend(a.G)).SelectMany(Graphs);
    }
}
