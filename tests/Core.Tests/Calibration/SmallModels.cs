using QuantCluster.Data;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;

namespace QuantCluster.Tests.Calibration;

/// <summary>A small convolutional network and samples for it, made from a seed.</summary>
internal static class SmallModels
{
    public static OnnxModel ConvReluConv(int seed = 1)
    {
        Random random = new(seed);
        ModelProto proto = new() { IrVersion = 8, Graph = new GraphProto { Name = "small" } };
        proto.OpsetImport.Add(new OperatorSetIdProto { Domain = "", Version = 17 });
        GraphProto graph = proto.Graph;
        graph.Input.Add(Value("x", 1, 3, 16, 16));
        graph.Output.Add(Value("y", 1, 5, 16, 16));
        graph.Initializer.Add(Tensors.FromFloats("w1", [8, 3, 3, 3], Gaussian(random, 8 * 3 * 9, 0.3)));
        graph.Initializer.Add(Tensors.FromFloats("w2", [5, 8, 1, 1], Gaussian(random, 5 * 8, 0.5)));
        graph.Node.Add(Nodes.Create("Conv", "conv1", ["x", "w1"], ["c1"], Nodes.Ints("pads", 1, 1, 1, 1)));
        graph.Node.Add(Nodes.Create("Relu", "relu", ["c1"], ["r1"]));
        graph.Node.Add(Nodes.Create("Conv", "conv2", ["r1", "w2"], ["y"]));
        return OnnxModel.FromProto(proto);
    }

    public static float[] Gaussian(Random random, int count, double deviation = 1)
    {
        float[] values = new float[count];
        for (int i = 0; i < count; i++)
            values[i] = (float)(deviation * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
        return values;
    }

    private static ValueInfoProto Value(string name, params long[] shape)
    {
        TypeProto.Types.Tensor tensor = new() { ElemType = (int)ElementType.Float, Shape = new TensorShapeProto() };
        foreach (long dimension in shape)
            tensor.Shape.Dim.Add(new TensorShapeProto.Types.Dimension { DimValue = dimension });
        return new ValueInfoProto { Name = name, Type = new TypeProto { TensorType = tensor } };
    }
}

/// <summary>Samples of one Gaussian input, each a pure function of its index.</summary>
internal sealed class GaussianSamples(int count, string input, params long[] shape) : IDataset
{
    public int Count => count;

    public Sample Read(int index)
    {
        int elements = (int)shape.Aggregate(1L, (n, d) => n * d);
        float[] values = SmallModels.Gaussian(new Random(1000 + index), elements, 1 + (index % 3));
        return new Sample(index, new Dictionary<string, DenseTensor> { [input] = DenseTensor.FromFloats(shape, values) });
    }

    public void Dispose()
    {
    }
}
