using QuantCluster.Data;
using QuantCluster.Emission;
using QuantCluster.Emission.Lint;
using QuantCluster.Onnx;
using QuantCluster.Tests.Planning;
using QuantCluster.Verification;

namespace QuantCluster.Tests.Emission;

public class AlignedChannelsTests
{
    [Fact]
    public void Channels_of_zeros_change_no_bit_of_what_the_model_answers()
    {
        Flow flow = Flow.Of(Mobile(24));
        OnnxModel plain = flow.Emit(), aligned = Aligned(flow);
        for (int s = 0; s < flow.Data.Count; s++)
        {
            Sample sample = flow.Data.Read(s);
            Assert.Equal(Flow.Run(plain, sample)[0], Flow.Run(aligned, sample)[0]);
        }
    }

    [Fact]
    public void An_image_gets_a_fourth_channel_and_24_depthwise_channels_become_32()
    {
        OnnxModel aligned = Aligned(Flow.Of(Mobile(24)));
        Assert.Equal([32, 4, 3, 3], Weight(aligned, "stem"));
        Assert.Equal([32, 1, 3, 3], Weight(aligned, "deep"));
        Assert.Equal([32, 1, 3, 3], Weight(aligned, "deeper"));
        Assert.Equal([48, 32, 1, 1], Weight(aligned, "wide"));
        Assert.Equal(32, aligned.Graph.Producer("deep")!.IntAttribute("group", 1));
        Assert.Equal(["QuantizeLinear", "Pad", "DequantizeLinear"], aligned.Graph.Nodes.Take(3).Select(n => n.OpType));
    }

    [Fact]
    public void Everything_still_runs_on_integers()
    {
        Flow flow = Flow.Of(Mobile(24));
        LintReport report = Linter.Lint(Aligned(flow));
        Assert.All(flow.Plan.Layers.Select(l => report.Nodes.Single(n => n.Node == l.Node)), n => Assert.Equal(KernelKind.Integer, (n.Actual ?? n.Predicted).Kind));
        Assert.False(report.HasTraps, string.Join('\n', report.Findings));
    }

    [Theory]
    [InlineData(32)]
    [InlineData(8)]
    public void Channels_that_are_aligned_or_would_become_twice_as_many_stay(int channels)
    {
        OnnxModel aligned = Aligned(Flow.Of(Mobile(channels)));
        Assert.Equal([channels, 1, 3, 3], Weight(aligned, "deep"));
        Assert.Equal([48, channels, 1, 1], Weight(aligned, "wide"));
    }

    [Fact]
    public void Channels_that_something_else_reads_too_stay()
    {
        Network network = new(3);
        string x = network.Relu("r1", network.Conv("stem", network.Input("in", 1, 3, 64, 64), 3, 24));
        string y = network.Relu("r2", network.Conv("deep", x, 24, 24, group: 24));
        OnnxModel aligned = Aligned(Flow.Of(network.Build(network.Conv("wide", network.Node("Add", "sum", [x, y]), 24, 48, kernel: 1))));
        Assert.Equal([24, 4, 3, 3], Weight(aligned, "stem"));
        Assert.Equal([24, 1, 3, 3], Weight(aligned, "deep"));
    }

    [Fact]
    public void A_small_image_does_not_repay_it()
    {
        Network network = new(3);
        string x = network.Relu("r", network.Conv("stem", network.Input("in", 1, 3, 16, 16), 3, 32));
        Assert.Equal([32, 3, 3, 3], Weight(Aligned(Flow.Of(network.Build(network.Conv("next", x, 32, 32)))), "stem"));
    }

    [Fact]
    public void The_layer_profile_still_knows_the_layers_that_got_channels()
    {
        Flow flow = Flow.Of(Mobile(24));
        OnnxModel plain = flow.Emit(), aligned = Aligned(flow);
        IReadOnlyList<TensorError> expected = Profile(flow, plain), actual = Profile(flow, aligned);
        Assert.Contains(actual, t => t.Tensor == "r2");
        Assert.Equal(expected.Select(t => (t.Tensor, t.SqnrDb)), actual.Select(t => (t.Tensor, t.SqnrDb)));
    }

    private static IReadOnlyList<TensorError> Profile(Flow flow, OnnxModel quantized) =>
        LayerProfile.Measure(flow.Model, quantized, TensorMatching.ByName(flow.Model, quantized), flow.Data, 2);

    private static OnnxModel Aligned(Flow flow)
    {
        OnnxModel emitted = flow.Emit();
        AlignedChannels.Apply(emitted, flow.Plan);
        return emitted;
    }

    private static IEnumerable<long> Weight(OnnxModel model, string layer) =>
        model.Graph.Initializer(model.Graph.Producer(model.Graph.Producer(layer)!.Input[1])!.Input[0])!.Dims;

    /// <summary>As MobileNet begins, with two depthwise convolutions in a row.</summary>
    private static OnnxModel Mobile(int channels)
    {
        Network network = new(3);
        string x = network.Clip("r1", network.Conv("stem", network.Input("in", 1, 3, 64, 64), 3, channels, stride: 2), 0, 6);
        x = network.Clip("r2", network.Conv("deep", x, channels, channels, group: channels), 0, 6);
        x = network.Relu("r3", network.Conv("deeper", x, channels, channels, group: channels, bias: false));
        x = network.Relu("r4", network.Conv("wide", x, channels, 48, kernel: 1));
        return network.Build(network.Conv("last", x, 48, 32));
    }
}
