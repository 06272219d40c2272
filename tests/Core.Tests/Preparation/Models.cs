using QuantCluster.Data;
using QuantCluster.Inference;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Tests.Preparation;

/// <summary>Small models for these tests: one float input <c>x</c>, the last node's first output is the model's.</summary>
internal static class Models
{
    public static OnnxModel Create(long opset, long[] input, IEnumerable<TensorProto> constants, params NodeProto[] nodes)
    {
        GraphProto graph = new() { Name = "test" };
        graph.Node.AddRange(nodes);
        graph.Initializer.AddRange(constants);
        graph.Input.Add(Value("x", input));
        graph.Output.Add(new ValueInfoProto { Name = nodes[^1].Output[0] });
        ModelProto model = new() { IrVersion = 8, Graph = graph };
        model.OpsetImport.Add(new OperatorSetIdProto { Domain = "", Version = opset });
        return OnnxModel.FromProto(model);
    }

    public static ValueInfoProto Value(string name, long[] shape)
    {
        TensorShapeProto dimensions = new();
        dimensions.Dim.AddRange(shape.Select(d => d < 0
            ? new TensorShapeProto.Types.Dimension { DimParam = "n" } : new TensorShapeProto.Types.Dimension { DimValue = d }));
        return new ValueInfoProto
        {
            Name = name,
            Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)ElementType.Float, Shape = dimensions } },
        };
    }

    /// <summary>Values between −1 and 1 that look random and are always the same.</summary>
    public static TensorProto Noise(string name, params long[] shape)
    {
        Random random = new(name.Length + shape.Length);
        float[] values = [.. Enumerable.Range(0, (int)shape.Aggregate(1L, (n, d) => n * d)).Select(_ => random.NextSingle() * 2 - 1)];
        return Tensors.FromFloats(name, shape, values);
    }

    public static Sample Sample(params long[] shape) =>
        new(0, new Dictionary<string, DenseTensor> { ["x"] = DenseTensor.FromFloats(shape, Noise("sample", shape).ToFloats()) });

    /// <summary>What a model answers, without any optimization.</summary>
    public static DenseTensor Run(OnnxModel model, Sample sample)
    {
        using ModelSession session = ModelSession.Create(model, new SessionSettings { Optimization = GraphOptimization.None });
        using RunResult result = session.Run(sample);
        return result.Copy(0);
    }

    public static string[] Operators(OnnxModel model) => [.. model.Graph.Nodes.Select(n => n.OpType)];
}
