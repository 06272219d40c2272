using QuantCluster.Data;
using QuantCluster.Inference;
using QuantCluster.Numerics;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Tests.Numerics;

/// <summary>ONNX Runtime's own QuantizeLinear and DequantizeLinear (opset 21), unoptimized.</summary>
internal static class QuantizeLinearOracle
{
    /// <summary>What ONNX Runtime makes of the values: the integers and the values they stand for.</summary>
    public static (int[] Integers, float[] Values) Run(float[] values, long[] shape, TensorMapping mapping)
    {
        ElementType type = Enum.Parse<ElementType>(mapping.Type.ToString());
        long[] parameterShape = mapping.Granularity.ParameterShape(shape);
        List<AttributeProto> attributes = [];
        if (mapping.Granularity.Axis is { } axis)
            attributes.Add(Nodes.Int("axis", axis));
        if (mapping.Granularity.BlockSize > 0)
            attributes.Add(Nodes.Int("block_size", mapping.Granularity.BlockSize));

        GraphProto graph = new() { Name = "oracle" };
        graph.Node.Add(Nodes.Create("QuantizeLinear", "q", ["x", "scale", "zero"], ["q"], [.. attributes.Select(a => a.Clone())]));
        graph.Node.Add(Nodes.Create("DequantizeLinear", "dq", ["q", "scale", "zero"], ["y"], [.. attributes]));
        // Scale 1 shows the integers themselves: 4-bit tensors cannot leave the session.
        graph.Node.Add(Nodes.Create("DequantizeLinear", "integers", ["q", "one"], ["i"]));
        graph.Initializer.Add(Tensors.FromFloats("scale", parameterShape, mapping.Scales));
        graph.Initializer.Add(Tensors.FromBytes("zero", type, parameterShape, Bytes(mapping)));
        graph.Initializer.Add(Tensors.FromFloats("one", [], [1f]));
        graph.Input.Add(Value("x"));
        graph.Output.Add([Value("i"), Value("y")]);

        using ModelSession session = Open(graph);
        using RunResult result = session.Run(new Dictionary<string, DenseTensor> { ["x"] = DenseTensor.FromFloats(shape, values) });
        return ([.. result.Floats(0).ToArray().Select(f => (int)f)], result.Floats(1).ToArray());
    }

    /// <summary>What ONNX Runtime's Cast to a 16-bit float and back makes of the values.</summary>
    public static float[] Cast(float[] values, ElementType type)
    {
        GraphProto graph = new() { Name = "cast" };
        graph.Node.Add(Nodes.Create("Cast", "to", ["x"], ["h"], Nodes.Int("to", (int)type)));
        graph.Node.Add(Nodes.Create("Cast", "back", ["h"], ["y"], Nodes.Int("to", (int)ElementType.Float)));
        graph.Input.Add(Value("x"));
        graph.Output.Add(Value("y"));
        using ModelSession session = Open(graph);
        using RunResult result = session.Run(new Dictionary<string, DenseTensor> { ["x"] = DenseTensor.FromFloats([values.Length], values) });
        return result.Floats(0).ToArray();
    }

    private static ModelSession Open(GraphProto graph)
    {
        ModelProto model = new() { IrVersion = 10, Graph = graph };
        model.OpsetImport.Add(new OperatorSetIdProto { Version = 21 });
        return ModelSession.Create(OnnxModel.FromProto(model), new SessionSettings { Optimization = GraphOptimization.None });
    }

    private static ValueInfoProto Value(string name) => new()
    {
        Name = name,
        Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)ElementType.Float } },
    };

    private static byte[] Bytes(TensorMapping mapping)
    {
        if (mapping.Type.Bits() == 16)
            return [.. mapping.ZeroPoints.ToArray().SelectMany(z => BitConverter.GetBytes((short)z))];
        byte[] bytes = [.. mapping.ZeroPoints.ToArray().Select(z => (byte)z)];
        if (mapping.Type.Bits() == 8)
            return bytes;
        byte[] packed = new byte[PackedInt4.ByteCount(bytes.Length)];
        PackedInt4.Pack(bytes, packed);
        return packed;
    }
}
