using QuantCluster.Data;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Tests.Verification;

/// <summary>A two-layer network in float and in QDQ, and data for it, made in code.</summary>
internal static class SmallModels
{
    public const int Features = 8;
    public const int Classes = 5;

    /// <summary>x[N,8] -> Gemm -> Relu -> Gemm (-> Softmax) -> y[N,5].</summary>
    public static OnnxModel Float(bool softmax = false, int seed = 1)
    {
        GraphProto graph = NewGraph();
        AddWeights(graph, seed);
        graph.Node.Add(Nodes.Create("Gemm", "first", ["x", "w1", "b1"], ["hidden"]));
        graph.Node.Add(Nodes.Create("Relu", "activation", ["hidden"], ["active"]));
        graph.Node.Add(Nodes.Create("Gemm", "second", ["active", "w2", "b2"], [softmax ? "logits" : "y"]));
        if (softmax)
            graph.Node.Add(Nodes.Create("Softmax", "softmax", ["logits"], ["y"], Nodes.Int("axis", -1)));
        return Model(graph);
    }

    /// <summary>The same with the activations quantized to <paramref name="scale"/>'s steps.</summary>
    public static OnnxModel Quantized(float scale = 0.05f, bool softmax = false, int seed = 1)
    {
        GraphProto graph = NewGraph();
        AddWeights(graph, seed);
        graph.Initializer.Add(Tensors.FromFloats("s", [], [scale]));
        graph.Initializer.Add(Tensors.FromBytes("z", ElementType.UInt8, [], [0]));
        graph.Node.Add(Nodes.Create("Gemm", "first", ["x", "w1", "b1"], ["hidden"]));
        graph.Node.Add(Nodes.Create("Relu", "activation", ["hidden"], ["active"]));
        graph.Node.Add(Nodes.Create("QuantizeLinear", "q", ["active", "s", "z"], ["active_QuantizeLinear_Output"]));
        graph.Node.Add(Nodes.Create("DequantizeLinear", "dq", ["active_QuantizeLinear_Output", "s", "z"], ["active_DequantizeLinear_Output"]));
        graph.Node.Add(Nodes.Create("Gemm", "second", ["active_DequantizeLinear_Output", "w2", "b2"], [softmax ? "logits" : "y"]));
        if (softmax)
            graph.Node.Add(Nodes.Create("Softmax", "softmax", ["logits"], ["y"], Nodes.Int("axis", -1)));
        return Model(graph);
    }

    /// <summary>y = f(x) for an op without weights; one float input and output.</summary>
    public static OnnxModel OneOp(string op, params AttributeProto[] attributes)
    {
        GraphProto graph = NewGraph();
        graph.Node.Add(Nodes.Create(op, "only", ["x"], ["y"], attributes));
        return Model(graph);
    }

    private static GraphProto NewGraph()
    {
        GraphProto graph = new() { Name = "small" };
        graph.Input.Add(Value("x", -1, Features));
        graph.Output.Add(Value("y", -1, -1));
        return graph;
    }

    private static void AddWeights(GraphProto graph, int seed)
    {
        Random random = new(seed);
        float[] Draw(int n) => [.. Enumerable.Range(0, n).Select(_ => (float)(random.NextDouble() - 0.5))];
        graph.Initializer.Add(Tensors.FromFloats("w1", [Features, 16], Draw(Features * 16)));
        graph.Initializer.Add(Tensors.FromFloats("b1", [16], Draw(16)));
        graph.Initializer.Add(Tensors.FromFloats("w2", [16, Classes], Draw(16 * Classes)));
        graph.Initializer.Add(Tensors.FromFloats("b2", [Classes], Draw(Classes)));
    }

    private static OnnxModel Model(GraphProto graph)
    {
        ModelProto proto = new() { IrVersion = 8, Graph = graph };
        proto.OpsetImport.Add(new OperatorSetIdProto { Domain = "", Version = 13 });
        return OnnxModel.FromProto(proto);
    }

    private static ValueInfoProto Value(string name, params long[] shape)
    {
        TensorShapeProto dims = new();
        for (int i = 0; i < shape.Length; i++)
            dims.Dim.Add(shape[i] < 0 ? new TensorShapeProto.Types.Dimension { DimParam = $"{name}{i}" } : new TensorShapeProto.Types.Dimension { DimValue = shape[i] });
        return new ValueInfoProto { Name = name, Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)ElementType.Float, Shape = dims } } };
    }
}

/// <summary>Random samples by index.</summary>
internal sealed class RandomData(int count, int batch = 1) : IDataset
{
    public int Count => count;

    /// <summary>Records that count in the last sample.</summary>
    public int? LastValid { get; init; }

    public Sample Read(int index)
    {
        Random random = new(index);
        float[] values = [.. Enumerable.Range(0, batch * SmallModels.Features).Select(_ => (float)((random.NextDouble() * 4) - 2))];
        return new Sample(index, new Dictionary<string, DenseTensor> { ["x"] = DenseTensor.FromFloats([batch, SmallModels.Features], values) })
        {
            ValidRecords = index == count - 1 ? LastValid ?? batch : batch,
        };
    }

    public void Dispose()
    {
    }
}
