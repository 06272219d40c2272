using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Samples.Digits;

/// <summary>Collects the nodes and weights of a model that takes one image batch and gives one score for each class.</summary>
internal sealed class OnnxWriter
{
    private readonly GraphProto _graph = new() { Name = "digits" };

    /// <summary>Adds a node with one output, named after its operator and place; gives that output's name.</summary>
    public string Add(string opType, IEnumerable<string> inputs, params AttributeProto[] attributes)
    {
        string name = $"{opType.ToLowerInvariant()}_{_graph.Node.Count}";
        _graph.Node.Add(Nodes.Create(opType, name, inputs, [name], attributes));
        return name;
    }

    /// <summary>Adds a weight of the node that comes next; gives its name.</summary>
    public string Weight(string role, long[] shape, float[] values)
    {
        string name = $"{role}_{_graph.Node.Count}";
        _graph.Initializer.Add(Tensors.FromFloats(name, shape, values));
        return name;
    }

    public OnnxModel Build(string input, int side, string output, int classes)
    {
        NodeProto last = _graph.Node[^1];
        last.Output[0] = output;
        _graph.Input.Add(Value(input, 1, side, side));
        _graph.Output.Add(Value(output, classes));
        ModelProto proto = new() { IrVersion = 8, ProducerName = "QuantCluster samples/digits", Graph = _graph };
        proto.OpsetImport.Add(new OperatorSetIdProto { Domain = "", Version = 17 });
        return OnnxModel.FromProto(proto);
    }

    private static ValueInfoProto Value(string name, params int[] record)
    {
        TensorShapeProto shape = new();
        shape.Dim.Add(new TensorShapeProto.Types.Dimension { DimParam = "batch" });
        shape.Dim.AddRange(record.Select(d => new TensorShapeProto.Types.Dimension { DimValue = d }));
        return new ValueInfoProto
        {
            Name = name,
            Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)ElementType.Float, Shape = shape } },
        };
    }
}
