using QuantCluster.Corrections;
using QuantCluster.Data;
using QuantCluster.Emission;
using QuantCluster.Inference;
using QuantCluster.Numerics;
using QuantCluster.Onnx;
using QuantCluster.Ranges;
using QuantCluster.Tests.Corrections;
using QuantCluster.Tests.Planning;

namespace QuantCluster.Tests.Emission;

public class Int4WeightTests
{
    private static readonly RangeSettings Int4 = new() { Method = "minmax", Weights = IntegerType.Int4 };

    [Theory]
    [InlineData("convolutions", "QLinearConv")]
    [InlineData("products", "DynamicQuantizeMatMul MatMulIntegerToFloat QGemm")]
    public void INT4_is_stored_and_the_kernels_are_those_of_INT8(string kind, string kernels)
    {
        (OnnxModel model, IDataset data) = kind == "products"
            ? (Coarse.Products(), new Coarse.Samples(8, _ => [1, 6, 16], _ => 0f)) : (Coarse.Convolutions(), Coarse.Images(8));
        Flow flow = Flow.Of(model, data, Int4);
        OnnxModel emitted = flow.Emit();
        Assert.Equal(flow.Plan.Layers.Count, emitted.Graph.Proto.Initializer.Count(i => i.ElementType() == ElementType.Int4));
        Assert.All(flow.Configuration.Weights.Values, w => Assert.All(w.Values, v => Assert.InRange(v, (sbyte)-7, (sbyte)7)));
        OnnxModel optimized = Optimized(emitted);
        Assert.DoesNotContain(optimized.Graph.Nodes, n => n.OpType is "Cast" or "Conv" or "MatMul" or "Gemm");
        Assert.Contains(optimized.Graph.Nodes, n => kernels.Split(' ').Contains(n.OpType));
    }

    [Fact]
    public void INT4_storage_answers_as_the_same_integers_stored_as_INT8()
    {
        Flow flow = Flow.Of(Coarse.Convolutions(), Coarse.Images(8), Int4);
        OnnxModel packed = flow.Emit(), plain = (flow with { Configuration = StoredIntegers.Unpacked(flow.Configuration) }).Emit();
        Assert.Equal(Flow.Run(plain, flow.Data.Read(0)), Flow.Run(packed, flow.Data.Read(0)));
        Assert.True(packed.ToBytes().Length < plain.ToBytes().Length);
    }

    [Fact]
    public void Axes_of_reductions_become_inputs_on_the_way_to_the_opset_of_INT4()
    {
        Network network = new(3, opset: 13);
        string x = network.Conv("a", network.Input("x", 1, 3, 8, 8), 3, 8);
        OnnxModel model = network.Build(network.Node("ReduceMean", "y", [network.Relu("r", x)], Nodes.Ints("axes", 2, 3), Nodes.Int("keepdims", 0)));
        Flow flow = Flow.Of(model, Coarse.Images(6), Int4);
        OnnxModel emitted = flow.Emit();
        Assert.Equal(21, emitted.Opset);
        Assert.Equal(2, emitted.Graph.Producer("y")!.Input.Count);
        Assert.InRange(Flow.Sqnr(model, emitted, flow.Data), 10, 60);
    }

    [Fact]
    public void Where_the_opset_cannot_be_raised_INT8_holds_the_integers_and_the_model_says_so()
    {
        Network network = new(3, opset: 17);
        string x = network.Relu("r", network.Conv("a", network.Input("x", 1, 3, 8, 8), 3, 8));
        network.Add(Nodes.Create("Split", "split", [x], ["left", "right"], Nodes.Int("axis", 1)));
        Flow flow = Flow.Of(network.Build(network.Node("Mul", "y", ["left", "right"])), Coarse.Images(6), Int4);
        OnnxModel emitted = flow.Emit();
        Assert.DoesNotContain(emitted.Graph.Proto.Initializer, i => i.ElementType() == ElementType.Int4);
        Assert.Contains("Split", emitted.Proto.MetadataProps.Single(p => p.Key == "quantcluster.int4").Value);
        Assert.InRange(Flow.Sqnr(flow.Model, emitted, flow.Data), 5, 60);
    }

    [Fact]
    public void Rounding_by_the_Hessian_wins_back_much_of_what_4_bits_lose()
    {
        Flow flow = Flow.Of(Coarse.Residual(), Coarse.Images(24), Int4);
        QuantizationConfiguration rounded = new SequentialBiasCorrection(flow.Model, flow.Plan, flow.Data, [.. Enumerable.Range(0, 16)], 1)
            .Correct(flow.Configuration, flow.Plan.Layers.Select(l => l.Id).ToHashSet(), LayerCorrection.Rounding | LayerCorrection.Bias, CancellationToken.None);
        double plain = Flow.Sqnr(flow.Model, flow.Emit(), flow.Data), better = Flow.Sqnr(flow.Model, (flow with { Configuration = rounded }).Emit(), flow.Data);
        Assert.True(better > plain + 1, $"{plain:F1} -> {better:F1} dB");
    }

    private static OnnxModel Optimized(OnnxModel model)
    {
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName() + ".onnx");
        try
        {
            using (ModelSession.Create(model, new SessionSettings { OptimizedModelPath = path }))
            {
            }

            return OnnxModel.Load(path);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
