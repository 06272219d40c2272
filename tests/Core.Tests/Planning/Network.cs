using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;
using QuantCluster.Tests.Calibration;

namespace QuantCluster.Tests.Planning;

/// <summary>Builds small float networks node by node; a node, its output tensor and the stem of its constants share a name.</summary>
internal sealed class Network(int seed = 1, long opset = 17, long irVersion = 8)
{
    private readonly Random _random = new(seed);

    public ModelProto Proto { get; } = Start(opset, irVersion);

    private GraphProto Graph => Proto.Graph;

    public string Input(string name, params long[] shape)
    {
        Graph.Input.Add(Value(name, ElementType.Float, shape));
        return name;
    }

    /// <summary>Gaussian values, scaled so that a layer's output stays as large as its input where fan-in is known.</summary>
    public string Weight(string name, double deviation, params long[] shape) =>
        Constant(Tensors.FromFloats(name, shape, SmallModels.Gaussian(_random, (int)shape.Aggregate(1L, (n, d) => n * d), deviation)));

    public string Scalar(string name, float value) => Constant(Tensors.FromFloats(name, [], [value]));

    public string Integers(string name, params long[] values) => Constant(Tensors.FromInt64s(name, [values.Length], values));

    public string Constant(TensorProto tensor)
    {
        Graph.Initializer.Add(tensor);
        return tensor.Name;
    }

    public string Node(string opType, string name, IEnumerable<string> inputs, params AttributeProto[] attributes)
    {
        Graph.Node.Add(Nodes.Create(opType, name, inputs, [name], attributes));
        return name;
    }

    public void Add(NodeProto node) => Graph.Node.Add(node);

    public string Conv(string name, string input, int from, int to, int kernel = 3, int group = 1, bool bias = true, int stride = 1)
    {
        List<string> inputs = [input, Weight(name + ".w", Math.Sqrt(2.0 * group / (from * kernel * kernel)), to, from / group, kernel, kernel)];
        if (bias)
            inputs.Add(Weight(name + ".b", 0.2, to));
        int pad = kernel / 2;
        return Node("Conv", name, inputs, Nodes.Ints("pads", pad, pad, pad, pad), Nodes.Int("group", group), Nodes.Ints("strides", stride, stride));
    }

    public string Gemm(string name, string input, int from, int to, bool bias = true, bool transposed = false)
    {
        List<string> inputs = [input, transposed ? Weight(name + ".w", Math.Sqrt(2.0 / from), to, from) : Weight(name + ".w", Math.Sqrt(2.0 / from), from, to)];
        if (bias)
            inputs.Add(Weight(name + ".b", 0.2, to));
        return Node("Gemm", name, inputs, Nodes.Int("transB", transposed ? 1 : 0));
    }

    public string MatMul(string name, string input, int from, int to) =>
        Node("MatMul", name, [input, Weight(name + ".w", Math.Sqrt(2.0 / from), from, to)]);

    /// <summary>An Add of one value a column.</summary>
    public string Bias(string name, string input, int channels, bool first = false)
    {
        string bias = Weight(name + ".b", 0.2, channels);
        return Node("Add", name, first ? [bias, input] : [input, bias]);
    }

    public string Relu(string name, string input) => Node("Relu", name, [input]);

    public string Clip(string name, string input, float low, float high) =>
        Node("Clip", name, [input, Scalar(name + ".low", low), Scalar(name + ".high", high)]);

    public string Reshape(string name, string input, params long[] shape) => Node("Reshape", name, [input, Integers(name + ".shape", shape)]);

    public string Pad(string name, string input, params long[] pads) => Node("Pad", name, [input, Integers(name + ".pads", pads)]);

    /// <summary>An If whose two branches multiply <paramref name="captured"/>, a tensor of this graph, by 2 and by 3.</summary>
    public string If(string name, string condition, string captured)
    {
        AttributeProto Branch(string attribute, float factor)
        {
            GraphProto body = new() { Name = $"{name}.{attribute}" };
            body.Initializer.Add(Tensors.FromFloats($"{name}.{attribute}.factor", [], [factor]));
            body.Node.Add(Nodes.Create("Mul", $"{name}.{attribute}.mul", [captured, $"{name}.{attribute}.factor"], [$"{name}.{attribute}.y"]));
            body.Output.Add(new ValueInfoProto { Name = $"{name}.{attribute}.y", Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)ElementType.Float } } });
            return new AttributeProto { Name = attribute, Type = AttributeProto.Types.AttributeType.Graph, G = body };
        }

        return Node("If", name, [condition], Branch("then_branch", 2), Branch("else_branch", 3));
    }

    public string Condition(string name, bool value) => Constant(Tensors.FromBytes(name, ElementType.Bool, [], [(byte)(value ? 1 : 0)]));

    public OnnxModel Build(params string[] outputs)
    {
        Graph.Output.AddRange(outputs.Select(o => Value(o, ElementType.Float, null)));
        return OnnxModel.FromProto(Proto);
    }

    public static ValueInfoProto Value(string name, ElementType type, long[]? shape)
    {
        TypeProto.Types.Tensor tensor = new() { ElemType = (int)type };
        if (shape is not null)
        {
            tensor.Shape = new TensorShapeProto();
            tensor.Shape.Dim.AddRange(shape.Select((d, i) => d >= 0
                ? new TensorShapeProto.Types.Dimension { DimValue = d } : new TensorShapeProto.Types.Dimension { DimParam = $"d{i}" }));
        }

        return new ValueInfoProto { Name = name, Type = new TypeProto { TensorType = tensor } };
    }

    private static ModelProto Start(long opset, long irVersion)
    {
        ModelProto proto = new() { IrVersion = irVersion, Graph = new GraphProto { Name = "network" } };
        proto.OpsetImport.Add(new OperatorSetIdProto { Domain = "", Version = opset });
        return proto;
    }
}
