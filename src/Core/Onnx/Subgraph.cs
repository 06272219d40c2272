using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Onnx;

/// <summary>Cuts runnable pieces out of a model.</summary>
public static class Subgraph
{
    /// <summary>
    /// A model of the given nodes alone: what they read and do not make is fed (<paramref name="inputs"/>, with element
    /// types) or copied from the model's initializers.
    /// </summary>
    public static OnnxModel Cut(OnnxModel model, IEnumerable<NodeProto> nodes, IReadOnlyDictionary<string, ElementType> inputs, IEnumerable<string> outputs)
    {
        GraphProto graph = new() { Name = "piece" };
        graph.Node.AddRange(nodes);
        foreach ((string name, ElementType type) in inputs)
            graph.Input.Add(new ValueInfoProto { Name = name, Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)type } } });
        graph.Output.AddRange(outputs.Select(o => new ValueInfoProto { Name = o }));
        foreach (string constant in graph.Node.SelectMany(Reads).Distinct())
        {
            if (!inputs.ContainsKey(constant) && model.Graph.Initializer(constant) is { } tensor)
                graph.Initializer.Add(tensor);
        }

        ModelProto proto = new() { IrVersion = Math.Max(model.Proto.IrVersion, 4), Graph = graph };
        proto.OpsetImport.AddRange(model.Proto.OpsetImport);
        proto.Functions.AddRange(model.Proto.Functions);
        return OnnxModel.FromProto(proto, model.Directory);
    }

    /// <summary>Every tensor a node reads, those its subgraphs capture included.</summary>
    public static IEnumerable<string> Reads(NodeProto node)
    {
        foreach (string input in node.Input)
        {
            if (input.Length > 0)
                yield return input;
        }

        foreach (AttributeProto attribute in node.Attribute)
        {
            foreach (GraphProto body in attribute.G is null ? attribute.Graphs : attribute.Graphs.Append(attribute.G))
            {
                HashSet<string> made = [.. body.Input.Select(i => i.Name), .. body.Initializer.Select(i => i.Name), .. body.Node.SelectMany(n => n.Output)];
                foreach (string read in body.Node.SelectMany(Reads).Concat(body.Output.Select(o => o.Name)))
                {
                    if (!made.Contains(read))
                        yield return read;
                }
            }
        }
    }
}
