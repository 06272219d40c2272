using QuantCluster.Corrections;
using QuantCluster.Data;
using QuantCluster.Emission;
using QuantCluster.Inference;
using QuantCluster.Onnx;
using QuantCluster.Planning;
using QuantCluster.Tests.Planning;

namespace QuantCluster.Tests.Corrections;

public class QuantizedWalkTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_walk_gives_what_the_whole_model_gives(bool residual)
    {
        Flow flow = Coarse.Of(residual ? Coarse.Residual() : Coarse.Convolutions(), Coarse.Images(4));
        OnnxModel emitted = flow.Emit();
        int[] samples = [3, 1, 2];
        QuantizedWalk walk = new(emitted, flow.Data, samples, threads: 2);
        string[] inputs = [.. flow.Plan.Layers.Select(l => Emitter.QuantizedName(l.Input)).Distinct()];
        using ModelSession whole = ModelSession.Create(TensorProbe.WithOutputs(emitted, inputs), new SessionSettings());
        foreach (Layer layer in flow.Plan.Layers)
        {
            IReadOnlyList<DenseTensor> walked = walk.AdvanceTo(layer.Id, Emitter.QuantizedName(layer.Input), CancellationToken.None);
            Assert.Equal(3, walked.Count);
            for (int s = 0; s < 3; s++)
            {
                using RunResult expected = whole.Run(flow.Data.Read(samples[s]), [Emitter.QuantizedName(layer.Input)]);
                Assert.Equal(ElementType.UInt8, walked[s].Type);
                Assert.Equal(expected.ShapeOf(0), walked[s].Shape);
                byte[] e = expected.Bytes(0).ToArray(), a = walked[s].Bytes.ToArray();
                Assert.All(e.Zip(a), p => Assert.InRange(Math.Abs(p.First - p.Second), 0, 1));
                int off = e.Zip(a).Count(p => p.First != p.Second);
                Assert.True(off <= e.Length / 50, $"{layer.Id}: {off} of {e.Length}");
            }
        }
    }

    [Fact]
    public void Every_sample_is_read_once_however_often_the_walk_stops()
    {
        Coarse.Samples data = Coarse.Images(5);
        Flow flow = Coarse.Of(Coarse.Residual(), data);
        QuantizedWalk walk = new(flow.Emit(), data, [0, 1, 2, 3, 4], threads: 1);
        int before = data.Reads;
        foreach (Layer layer in flow.Plan.Layers)
            walk.AdvanceTo(layer.Id, Emitter.QuantizedName(layer.Input), CancellationToken.None);
        Assert.Equal(5, data.Reads - before);
    }

    [Fact]
    public void Only_tensors_still_to_be_read_are_kept_and_as_integers()
    {
        Flow flow = Coarse.Of(Coarse.Residual(), Coarse.Images(2));
        QuantizedWalk walk = new(flow.Emit(), flow.Data, [0, 1], threads: 1);
        string[][] kept = [.. flow.Plan.Layers.Select(layer =>
        {
            walk.AdvanceTo(layer.Id, Emitter.QuantizedName(layer.Input), CancellationToken.None);
            return walk.Kept.Order().ToArray();
        })];
        Assert.Equal(["a", "left", "b", "right", "c"], flow.Plan.Layers.Select(l => l.Id));
        Assert.Equal(["x_QuantizeLinear"], kept[0]);
        Assert.Equal(["ra_QuantizeLinear"], kept[1]);
        Assert.Equal(["left_QuantizeLinear", "ra_QuantizeLinear"], kept[2]);
        Assert.Equal(["left_QuantizeLinear", "ra_QuantizeLinear", "rb_QuantizeLinear"], kept[3]);
        Assert.Equal(["pool_QuantizeLinear"], kept[4]);
    }

    [Fact]
    public void A_walk_passes_nodes_of_every_kind()
    {
        Network network = new();
        string a = network.Relu("ra", network.Conv("a", network.Input("x", 1, 3, 8, 8), 3, 4));
        string gated = network.Node("Mul", "gated", [network.If("if", network.Condition("yes", true), network.Node("Tanh", "ta", [a])), network.Node("Clip", "clip", ["x", "", network.Scalar("one", 1)]) is var c ? network.Conv("side", c, 3, 4) : c]);
        Flow flow = Flow.Of(network.Build(network.Node("Tanh", "y", [network.Conv("b", network.Pad("pad", gated, 0, 0, 1, 1, 0, 0, 1, 1), 4, 4)])));
        OnnxModel emitted = flow.Emit();
        QuantizedWalk walk = new(emitted, flow.Data, [0], threads: 1);
        DenseTensor walked = walk.AdvanceTo("b", Emitter.QuantizedName("pad"), CancellationToken.None)[0];
        using ModelSession whole = ModelSession.Create(TensorProbe.WithOutputs(emitted, ["pad_QuantizeLinear"]), new SessionSettings());
        using RunResult expected = whole.Run(flow.Data.Read(0), ["pad_QuantizeLinear"]);
        Assert.Equal(expected.Bytes(0).ToArray(), walked.Bytes.ToArray());
    }
}
