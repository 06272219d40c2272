using Google.Protobuf.Collections;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Onnx;

/// <summary>
/// The main graph with its look-ups: who makes a tensor, who reads it. After changing
/// <see cref="Proto"/> call <see cref="Reindex"/>; the look-ups speak of the last index.
/// </summary>
public sealed class Graph
{
    private readonly Dictionary<string, NodeProto> _producers = [];
    private readonly Dictionary<string, List<NodeProto>> _consumers = [];
    private readonly Dictionary<string, TensorProto> _initializers = [];
    private readonly HashSet<string> _outputs = [];
    private readonly HashSet<string> _usedInSubgraphs = [];

    public Graph(GraphProto proto)
    {
        Proto = proto;
        Reindex();
    }

    public GraphProto Proto { get; }

    public RepeatedField<NodeProto> Nodes => Proto.Node;

    /// <summary>Inputs a caller must feed: initializers that are also listed as inputs are not among them.</summary>
    public IEnumerable<ValueInfoProto> RequiredInputs => Proto.Input.Where(i => !_initializers.ContainsKey(i.Name));

    public void Reindex()
    {
        _producers.Clear();
        _consumers.Clear();
        _initializers.Clear();
        _outputs.Clear();
        _usedInSubgraphs.Clear();
        foreach (TensorProto tensor in Proto.Initializer)
            _initializers[tensor.Name] = tensor;
        foreach (ValueInfoProto output in Proto.Output)
            _outputs.Add(output.Name);
        foreach (NodeProto node in Proto.Node)
        {
            foreach (string output in node.Output)
            {
                if (output.Length > 0)
                    _producers[output] = node;
            }

            foreach (string input in node.Input)
            {
                if (input.Length > 0)
                    AddConsumer(input, node);
            }

            foreach (AttributeProto attribute in node.Attribute)
            {
                if (attribute.G is not null)
                    AddCaptured(attribute.G, node);
                foreach (GraphProto graph in attribute.Graphs)
                    AddCaptured(graph, node);
            }
        }
    }

    /// <summary>The node whose output <paramref name="tensor"/> is; null for inputs and initializers.</summary>
    public NodeProto? Producer(string tensor) => _producers.GetValueOrDefault(tensor);

    /// <summary>Nodes that read <paramref name="tensor"/>, in graph order, each once; nodes whose subgraphs capture it included.</summary>
    public IReadOnlyList<NodeProto> Consumers(string tensor) =>
        _consumers.TryGetValue(tensor, out List<NodeProto>? nodes) ? nodes : [];

    public TensorProto? Initializer(string tensor) => _initializers.GetValueOrDefault(tensor);

    public bool IsOutput(string tensor) => _outputs.Contains(tensor);

    /// <summary>Whether an If/Loop/Scan body reads the tensor from this graph.</summary>
    public bool IsUsedInSubgraph(string tensor) => _usedInSubgraphs.Contains(tensor);

    /// <summary>A tensor or node name no one uses yet, starting with <paramref name="stem"/>.</summary>
    public string FreshName(string stem)
    {
        bool Taken(string name) => _producers.ContainsKey(name) || _consumers.ContainsKey(name)
            || _initializers.ContainsKey(name) || Proto.Input.Any(i => i.Name == name);
        if (!Taken(stem))
            return stem;
        for (int i = 2; ; i++)
        {
            if (!Taken($"{stem}_{i}"))
                return $"{stem}_{i}";
        }
    }

    private void AddConsumer(string tensor, NodeProto node)
    {
        if (!_consumers.TryGetValue(tensor, out List<NodeProto>? nodes))
            _consumers[tensor] = nodes = [];
        if (nodes.Count == 0 || !ReferenceEquals(nodes[^1], node))
            nodes.Add(node);
    }

    private void AddCaptured(GraphProto body, NodeProto owner)
    {
        HashSet<string> local = [.. body.Input.Select(i => i.Name), .. body.Initializer.Select(i => i.Name), .. body.Node.SelectMany(n => n.Output)];
        foreach (NodeProto node in body.Node)
        {
            foreach (string input in node.Input)
            {
                if (input.Length > 0 && !local.Contains(input))
                {
                    _usedInSubgraphs.Add(input);
                    AddConsumer(input, owner);
                }
            }

            foreach (AttributeProto attribute in node.Attribute)
            {
                if (attribute.G is not null)
                    AddCaptured(attribute.G, owner);
                foreach (GraphProto graph in attribute.Graphs)
                    AddCaptured(graph, owner);
            }
        }

        foreach (ValueInfoProto output in body.Output)
        {
            if (!local.Contains(output.Name))
            {
                _usedInSubgraphs.Add(output.Name);
                AddConsumer(output.Name, owner);
            }
        }
    }
}
