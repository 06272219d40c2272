using QuantCluster.Data;
using QuantCluster.Inference;
using QuantCluster.Numerics;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;
using QuantCluster.Planning;

namespace QuantCluster.Tests.Corrections;

/// <summary>One layer with whole-number weights, and quantized inputs for it: all its products are exact.</summary>
internal sealed record HessianLayers(OnnxModel Model, Layer Layer, long[] InputShape)
{
    private const string Input = "x", Weight = "w", Output = "y";

    public static readonly AffineMapping Mapping = new(1, 100, IntegerType.UInt8);

    public NodeProto Node => Model.Graph.Producer(Output)!;

    public float[] Weights => Model.Graph.Initializer(Weight)!.ToFloats();

    public int Channels => (int)Model.Graph.Initializer(Weight)!.Dims[Layer.WeightAxis];

    public static HessianLayers Conv(long[] inputShape, long[] weightShape, params AttributeProto[] attributes) =>
        Of(Nodes.Create("Conv", "layer", [Input, Weight], [Output], attributes), inputShape, weightShape, 0);

    public static HessianLayers Gemm(int rows, int columns, int channels, bool transposed) => transposed
        ? Of(Nodes.Create("Gemm", "layer", [Input, Weight], [Output], Nodes.Int("transB", 1)), [rows, columns], [channels, columns], 0)
        : Of(Nodes.Create("Gemm", "layer", [Input, Weight], [Output]), [rows, columns], [columns, channels], 1);

    public static HessianLayers MatMul(long[] inputShape, int channels) =>
        Of(Nodes.Create("MatMul", "layer", [Input, Weight], [Output]), inputShape, [inputShape[^1], channels], 1);

    /// <summary>Inputs with neighbours alike, as those of real layers are.</summary>
    public DenseTensor[] Inputs(int count, int seed)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, count).Select(_ =>
        {
            byte[] values = new byte[InputShape.Aggregate(1L, (n, d) => n * d)];
            int at = 128;
            for (int i = 0; i < values.Length; i++)
                values[i] = (byte)(at = Math.Clamp(at + random.Next(-40, 41), 0, 255));
            return new DenseTensor(ElementType.UInt8, InputShape, values);
        })];
    }

    /// <summary>What ONNX Runtime makes of the inputs' integers less the zero point: [sample][channel][position].</summary>
    public double[][][] Run(IEnumerable<DenseTensor> inputs)
    {
        using ModelSession session = ModelSession.Create(Model, new SessionSettings { Optimization = GraphOptimization.None });
        List<double[][]> samples = [];
        foreach (DenseTensor input in inputs)
        {
            float[] values = [.. input.Bytes.ToArray().Select(b => (float)(b - Mapping.ZeroPoint))];
            using RunResult result = session.Run(new Dictionary<string, DenseTensor> { [Input] = DenseTensor.FromFloats(InputShape, values) });
            float[] output = result.Floats(0).ToArray();
            long[] shape = result.ShapeOf(0);
            int axis = Layer.OpType == "Conv" ? 1 : shape.Length - 1;
            int inner = (int)shape.Skip(axis + 1).Aggregate(1L, (n, d) => n * d);
            samples.Add([.. Enumerable.Range(0, Channels).Select(c => output.Where((_, i) => i / inner % Channels == c).Select(v => (double)v).ToArray())]);
        }

        return [.. samples];
    }

    private static HessianLayers Of(NodeProto node, long[] inputShape, long[] weightShape, int axis)
    {
        Random random = new(7);
        float[] weights = [.. Enumerable.Range(0, (int)weightShape.Aggregate(1L, (n, d) => n * d)).Select(_ => (float)random.Next(-3, 4))];
        GraphProto graph = new() { Name = "layer" };
        graph.Node.Add(node);
        graph.Initializer.Add(Tensors.FromFloats(Weight, weightShape, weights));
        graph.Input.Add(new ValueInfoProto { Name = Input, Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)ElementType.Float } } });
        graph.Output.Add(new ValueInfoProto { Name = Output });
        ModelProto proto = new() { IrVersion = 8, Graph = graph };
        proto.OpsetImport.Add(new OperatorSetIdProto { Domain = "", Version = 13 });
        Layer layer = new(Output, "layer", node.OpType, Input, Weight, axis, null, Output, null, false, 1, weights.Length);
        return new HessianLayers(OnnxModel.FromProto(proto), layer, inputShape);
    }
}
