using QuantCluster.Corrections;
using QuantCluster.Data;
using QuantCluster.Emission;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;
using QuantCluster.Ranges;
using QuantCluster.Tests.Planning;

namespace QuantCluster.Tests.Corrections;

public class CrossLayerEqualizationTests
{
    private static readonly RangeSettings PerTensor = new() { Method = "minmax", PerChannel = false };

    [Theory]
    [InlineData("Relu")]
    [InlineData("Clip")]
    public void One_scale_for_a_whole_weight_becomes_enough_for_convolutions(string activation)
    {
        OnnxModel model = Convolutions(activation);
        IDataset data = Coarse.Images(24);
        Flow flow = Flow.Of(model, data, PerTensor);
        QuantizationConfiguration equalized = Apply(flow)!;
        Assert.Equal(2, equalized.Scalings.Count);
        Assert.True(Flow.Sqnr(model, ScaledModel.Of(model, flow.Plan, equalized).Prepared, data) > 100);
        double plain = Flow.Sqnr(model, flow.Emit(), data), better = Flow.Sqnr(model, (flow with { Configuration = equalized }).Emit(), data);
        Assert.True(better > plain + 3, $"{plain:F1} dB, equalized {better:F1} dB");
        Assert.All(equalized.Weights.Values, w => Assert.Equal(-1, w.Axis));
        (flow with { Configuration = equalized }).AssertIntegerKernels();
    }

    [Fact]
    public void One_scale_for_a_whole_weight_becomes_enough_for_matrix_products()
    {
        Network network = new(21);
        string x = network.Relu("ra", network.Gemm("a", network.Input("x", 4, 16), 16, 24, transposed: true));
        OnnxModel model = network.Build(network.Gemm("y", x, 24, 6));
        Unbalance(model, "a.w", "a.b", "y.w", 24, i => i / 16, i => i / 6);
        IDataset data = new Coarse.Samples(24, _ => [4, 16], _ => 0.2f);
        Flow flow = Flow.Of(model, data, PerTensor);
        QuantizationConfiguration equalized = Apply(flow)!;
        double plain = Flow.Sqnr(model, flow.Emit(), data), better = Flow.Sqnr(model, (flow with { Configuration = equalized }).Emit(), data);
        Assert.True(better > plain + 1, $"{plain:F1} dB, equalized {better:F1} dB");
    }

    [Fact]
    public void A_channel_that_a_Clip_cuts_keeps_its_size_and_none_grows_into_it()
    {
        OnnxModel model = Convolutions("Clip", end: 0.5f);
        IDataset data = Coarse.Images(24);
        Flow flow = Flow.Of(model, data, PerTensor);
        QuantizationConfiguration equalized = Apply(flow)!;
        float[] factors = equalized.Scalings.Single(s => s.Tensor == "first").Constants[0].Factors;
        Assert.Contains(1f, factors);
        Assert.True(Flow.Sqnr(model, ScaledModel.Of(model, flow.Plan, equalized).Prepared, data) > 100);
    }

    [Fact]
    public void It_is_tried_where_weights_have_one_scale_and_kept_where_it_helps()
    {
        Flow flow = Flow.Of(Convolutions("Relu"), Coarse.Images(24), PerTensor);
        CorrectionResult chosen = CorrectionChoice.Choose(
            flow.Model, flow.Plan, flow.Configuration, flow.Data, new CorrectionSettings { Ranges = PerTensor }, CancellationToken.None);
        Assert.Contains(chosen.Trials, t => t.Kept && t.Name.StartsWith("cross-layer equalization", StringComparison.Ordinal));
        CorrectionResult channels = CorrectionChoice.Choose(
            flow.Model, flow.Plan, flow.Configuration, flow.Data, new CorrectionSettings(), CancellationToken.None);
        Assert.DoesNotContain(channels.Trials, t => t.Name.StartsWith("cross-layer equalization", StringComparison.Ordinal));
    }

    private static QuantizationConfiguration? Apply(Flow flow) =>
        CrossLayerEqualization.Apply(flow.Model, flow.Plan, flow.Configuration, flow.Data, PerTensor, 1, CancellationToken.None);

    /// <summary>Conv → activation → depthwise Conv → activation → Conv, channels between them of sizes 1 to 1/64.</summary>
    private static OnnxModel Convolutions(string activation, float end = 1e3f)
    {
        Network network = new(22);
        string Activate(string name, string x) => activation == "Relu" ? network.Relu(name, x) : network.Clip(name, x, 0, end);
        string x = Activate("first", network.Conv("a", network.Input("x", 1, 3, 8, 8), 3, 8));
        x = Activate("second", network.Conv("b", x, 8, 8, group: 8));
        OnnxModel model = network.Build(network.Node("Tanh", "y", [network.Conv("c", x, 8, 4, kernel: 1)]));
        if (end > 1)
            Unbalance(model, "a.w", "a.b", "b.w", 8, i => i / 27, i => i / 9);
        return model;
    }

    private static void Unbalance(OnnxModel model, string front, string bias, string behind, int channels, Func<int, int> frontOf, Func<int, int> behindOf)
    {
        float Size(int channel) => MathF.Pow(2, -6f * channel / channels);
        Multiply(model, front, i => Size(frontOf(i)));
        Multiply(model, bias, Size);
        Multiply(model, behind, i => 1 / Size(behindOf(i)));
    }

    private static void Multiply(OnnxModel model, string name, Func<int, float> factor)
    {
        TensorProto tensor = model.Graph.Initializer(name)!;
        float[] values = [.. tensor.ToFloats().Select((v, i) => v * factor(i))];
        tensor.RawData = Google.Protobuf.ByteString.CopyFrom(System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(values));
    }
}
