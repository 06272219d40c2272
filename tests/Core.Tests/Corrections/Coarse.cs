using QuantCluster.Data;
using QuantCluster.Inference;
using QuantCluster.Onnx;
using QuantCluster.Planning;
using QuantCluster.Ranges;
using QuantCluster.Tests.Calibration;
using QuantCluster.Tests.Planning;

namespace QuantCluster.Tests.Corrections;

/// <summary>Networks quantized so coarsely that their layers' means move, and what is measured of them from outside.</summary>
internal static class Coarse
{
    private static readonly RangeSettings PerTensor = new() { Method = "minmax", PerChannel = false };

    /// <summary>One scale for weights of very different channels, and inputs that are not centred.</summary>
    public static Flow Of(OnnxModel model, IDataset data)
    {
        Flow flow = Flow.Of(Uneven(model), data, PerTensor);
        return flow;
    }

    public static OnnxModel Convolutions()
    {
        Network network = new(5);
        string x = network.Relu("ra", network.Conv("a", network.Input("x", 1, 3, 8, 8), 3, 8, bias: false));
        x = network.Clip("cb", network.Conv("b", x, 8, 8, group: 8), 0, 6);
        x = network.Node("Tanh", "tc", [network.Conv("c", x, 8, 6, kernel: 1)]);
        return network.Build(network.Gemm("y", network.Reshape("flat", x, 1, -1), 6 * 64, 4));
    }

    public static OnnxModel Residual()
    {
        Network network = new(6);
        string x = network.Relu("ra", network.Conv("a", network.Input("x", 1, 3, 8, 8), 3, 8));
        string left = network.Conv("left", x, 8, 8, kernel: 1), right = network.Conv("right", network.Relu("rb", network.Conv("b", x, 8, 8)), 8, 8);
        string sum = network.Relu("rs", network.Node("Add", "sum", [left, right]));
        string pooled = network.Node("MaxPool", "pool", [network.Node("Concat", "join", [sum, x], Nodes.Int("axis", 1))], Nodes.Ints("kernel_shape", 2, 2));
        return network.Build(network.Node("Tanh", "y", [network.Conv("c", pooled, 16, 4)]));
    }

    public static OnnxModel Products(long length = 6)
    {
        Network network = new(7);
        string x = network.Node("Exp", "e", [network.Bias("s1", network.MatMul("a", network.Input("x", 1, length, 16), 16, 12), 12)]);
        x = network.Node("Tanh", "t", [network.MatMul("plain", x, 12, 12)]);
        return network.Build(network.Bias("y", network.MatMul("b", x, 12, 8), 8, first: true));
    }

    /// <summary>Gaussian samples shifted by <paramref name="shift"/>, of a shape that may depend on the index.</summary>
    public sealed class Samples(int count, Func<int, long[]> shape, Func<int, float> shift, string input = "x") : IDataset
    {
        private int _reads;

        public int Count => count;

        public int Reads => _reads;

        public Sample Read(int index)
        {
            Interlocked.Increment(ref _reads);
            long[] dimensions = shape(index);
            float[] values = SmallModels.Gaussian(new Random(77 + index), (int)dimensions.Aggregate(1L, (n, d) => n * d), 0.5);
            for (int i = 0; i < values.Length; i++)
                values[i] += shift(index);
            return new Sample(index, new Dictionary<string, DenseTensor> { [input] = DenseTensor.FromFloats(dimensions, values) });
        }

        public void Dispose()
        {
        }
    }

    public static Samples Images(int count) => new(count, _ => [1, 3, 8, 8], _ => 1);

    /// <summary>
    /// The channel means of a layer's output before bias-independent parts are fused: measured by running the whole
    /// model, unoptimized, with the layer's own output tapped (for a MatMul the sum behind it).
    /// </summary>
    public static double[] ChannelMeans(OnnxModel model, Layer layer, IDataset data, IEnumerable<int> samples)
    {
        string tensor = layer.OpType == "MatMul" ? layer.Result : layer.Id;
        using ModelSession session = ModelSession.Create(TensorProbe.WithOutputs(model, [tensor]), new SessionSettings { Optimization = GraphOptimization.None });
        double[] sums = [];
        double positions = 0;
        foreach (int index in samples)
        {
            using RunResult result = session.Run(data.Read(index), [tensor]);
            long[] shape = result.ShapeOf(0);
            int axis = layer.OpType == "Conv" ? 1 : shape.Length - 1;
            int inner = (int)shape.Skip(axis + 1).Aggregate(1L, (n, d) => n * d), channels = (int)shape[axis];
            if (sums.Length == 0)
                sums = new double[channels];
            float[] values = result.Floats(0).ToArray();
            for (int i = 0; i < values.Length; i++)
                sums[i / inner % channels] += values[i];
            positions += values.Length / channels;
        }

        return [.. sums.Select(s => s / positions)];
    }

    /// <summary>The greatest difference of two layers' channel means.</summary>
    public static double Shift(OnnxModel reference, OnnxModel emitted, Layer layer, IDataset data, IReadOnlyList<int> samples) =>
        ChannelMeans(reference, layer, data, samples).Zip(ChannelMeans(emitted, layer, data, samples), (a, b) => Math.Abs(a - b)).Max();

    /// <summary>Gives every layer's first weights ten times their size, so that one scale fits the others badly.</summary>
    private static OnnxModel Uneven(OnnxModel model)
    {
        foreach (var weight in model.Graph.Proto.Initializer.Where(i => i.Name.EndsWith(".w", StringComparison.Ordinal)))
        {
            float[] values = weight.ToFloats();
            for (int i = 0; i < Math.Max(1, values.Length / 40); i++)
                values[i] *= 10;
            weight.RawData = Google.Protobuf.ByteString.CopyFrom(System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(values));
        }

        return model;
    }
}
