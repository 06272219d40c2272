using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Tests.Lint;

/// <summary>Builds small QDQ models node by node; tensors are named by what made them.</summary>
internal sealed class QdqModel
{
    private readonly GraphProto _graph = new() { Name = "small" };
    private readonly Random _random = new(11);

    /// <summary>A float input of the model.</summary>
    public string Input(string name, params long[] shape)
    {
        _graph.Input.Add(Value(name, shape));
        return name;
    }

    public string Constant(string name, long[] shape, double spread = 1)
    {
        float[] values = [.. Enumerable.Range(0, (int)shape.Aggregate(1L, (n, d) => n * d)).Select(_ => (float)((_random.NextDouble() - 0.5) * spread))];
        _graph.Initializer.Add(Tensors.FromFloats(name, shape, values));
        return name;
    }

    public string Quantize(string tensor, double scale, int zeroPoint, ElementType type = ElementType.UInt8, string? name = null, bool writeZeroPoint = true)
    {
        name ??= tensor + "_q";
        string[] parameters = Parameters(name, [(float)scale], zeroPoint, type, writeZeroPoint, scalar: true);
        return Node("QuantizeLinear", name, [tensor, .. parameters]);
    }

    public string Dequantize(string quantized, double scale, int zeroPoint, ElementType type = ElementType.UInt8, string? name = null, bool writeZeroPoint = true)
    {
        name ??= quantized + "_dq";
        string[] parameters = Parameters(name, [(float)scale], zeroPoint, type, writeZeroPoint, scalar: true);
        return Node("DequantizeLinear", name, [quantized, .. parameters]);
    }

    /// <summary>A Q and a DQ of the same parameters.</summary>
    public string Pair(string tensor, double scale = 0.02, int zeroPoint = 128, ElementType type = ElementType.UInt8) =>
        Dequantize(Quantize(tensor, scale, zeroPoint, type), scale, zeroPoint, type);

    /// <summary>An integer weight with its DQ: one scale, or one a channel along <paramref name="axis"/>.</summary>
    public string Weight(string name, long[] shape, int? axis = null, ElementType type = ElementType.Int8, double scale = 0.01)
    {
        byte[] integers = new byte[shape.Aggregate(1L, (n, d) => n * d)];
        _random.NextBytes(integers);
        _graph.Initializer.Add(Tensors.FromBytes(name + "_i", type, shape, integers));
        float[] scales = [.. Enumerable.Range(0, axis is { } a ? (int)shape[a] : 1).Select(i => (float)(scale * (1 + (0.1 * i))))];
        string[] parameters = Parameters(name, scales, type == ElementType.UInt8 ? 128 : 0, type, writeZeroPoint: true, scalar: axis is null);
        return Node("DequantizeLinear", name, [name + "_i", .. parameters], axis is { } along ? [Nodes.Int("axis", along)] : []);
    }

    /// <summary>An INT32 bias with its DQ, right for <paramref name="inputScale"/> and the weight's scales unless <paramref name="factor"/> says otherwise.</summary>
    public string Bias(string name, string weight, double inputScale, int channels, float factor = 1)
    {
        float[] weightScales = _graph.Initializer.First(i => i.Name == weight + "_s").ToFloats();
        float[] scales = [.. weightScales.Select(s => (float)inputScale * s * factor)];
        _graph.Initializer.Add(Tensors.FromInt32s(name + "_i", [channels], [.. Enumerable.Range(0, channels).Select(i => 100 * i)]));
        string[] parameters = Parameters(name, scales, 0, ElementType.Int32, writeZeroPoint: true, scalar: scales.Length == 1);
        return Node("DequantizeLinear", name, [name + "_i", .. parameters], scales.Length > 1 ? [Nodes.Int("axis", 0)] : []);
    }

    public string Node(string opType, string name, IEnumerable<string> inputs, params AttributeProto[] attributes)
    {
        _graph.Node.Add(Nodes.Create(opType, name, inputs, [name], attributes));
        return name;
    }

    public string Initializer(TensorProto tensor)
    {
        _graph.Initializer.Add(tensor);
        return tensor.Name;
    }

    public OnnxModel Build(params string[] outputs)
    {
        foreach (string output in outputs)
            _graph.Output.Add(Value(output));
        ModelProto model = new() { IrVersion = 8, Graph = _graph };
        model.OpsetImport.Add(new OperatorSetIdProto { Version = 17 });
        return OnnxModel.FromProto(model);
    }

    private string[] Parameters(string name, float[] scales, int zeroPoint, ElementType type, bool writeZeroPoint, bool scalar)
    {
        long[] shape = scalar ? [] : [scales.Length];
        _graph.Initializer.Add(Tensors.FromFloats(name + "_s", shape, scales));
        if (!writeZeroPoint)
            return [name + "_s"];
        byte[] zeros = [.. Enumerable.Repeat(type == ElementType.Int32 ? BitConverter.GetBytes(zeroPoint) : [(byte)zeroPoint], scales.Length).SelectMany(b => b)];
        _graph.Initializer.Add(Tensors.FromBytes(name + "_z", type, shape, zeros));
        return [name + "_s", name + "_z"];
    }

    private static ValueInfoProto Value(string name, long[]? shape = null)
    {
        TypeProto.Types.Tensor tensor = new() { ElemType = (int)ElementType.Float };
        if (shape is not null)
        {
            tensor.Shape = new TensorShapeProto();
            foreach (long dimension in shape)
                tensor.Shape.Dim.Add(new TensorShapeProto.Types.Dimension { DimValue = dimension });
        }

        return new ValueInfoProto { Name = name, Type = new TypeProto { TensorType = tensor } };
    }
}
