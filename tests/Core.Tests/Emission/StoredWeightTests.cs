using System.Runtime.InteropServices;
using Google.Protobuf;
using QuantCluster.Emission;
using QuantCluster.Emission.Lint;
using QuantCluster.Inference;
using QuantCluster.Numerics;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;
using QuantCluster.Search.WeightOnly;
using QuantCluster.Tests.Jobs;
using QuantCluster.Tests.Planning;
using QuantCluster.Verification;

namespace QuantCluster.Tests.Emission;

public class StoredWeightTests
{
    private static readonly string[] _layers = ["conv", "product", "transposed", "turned"];

    [Fact]
    public void ONNX_Runtime_runs_the_float_kernels_and_nothing_else()
    {
        (Flow flow, Flow stored) = Stored();
        Assert.Equal(_layers, stored.Configuration.WeightOnly.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(Kernels(flow.Emit()), Kernels(stored.Emit()));
        Assert.False(Linter.Lint(stored.Emit()).HasTraps);
        Assert.InRange(stored.Emit().ToBytes().Length, 0, flow.Emit().ToBytes().Length - 6000);
    }

    [Fact]
    public void The_answers_are_those_of_the_weights_multiplied_out()
    {
        (Flow flow, Flow stored) = Stored();
        OnnxModel multiplied = flow.Model.Clone();
        foreach ((string id, QuantizedWeight weight) in stored.Configuration.WeightOnly)
        {
            TensorProto proto = multiplied.Graph.Initializer(multiplied.Graph.Producer(id)!.Input[1])!;
            long inner = proto.Dims.Skip(weight.Axis + 1).Aggregate(1L, (n, d) => n * d);
            proto.RawData = ByteString.CopyFrom(MemoryMarshal.AsBytes<float>([.. weight.Values.Select((v, i) => v * weight.Scales[i / inner % weight.Scales.Length])]));
            proto.FloatData.Clear();
        }

        Assert.Equal(
            Flow.Run((flow with { Model = multiplied }).Emit(), flow.Data.Read(0)),
            Flow.Run(stored.Emit(), flow.Data.Read(0)));
        Assert.InRange(Flow.Sqnr(flow.Emit(), stored.Emit(), flow.Data), 30, 80);
    }

    [Fact]
    public void Four_bits_can_be_stored_too()
    {
        (Flow flow, Flow stored) = Stored();
        QuantizedWeight Coarse(QuantizedWeight weight) =>
            weight with { Type = IntegerType.Int4, Scales = [.. weight.Scales.Select(s => s * 127 / 7)], Values = [.. weight.Values.Select(v => (sbyte)Math.Round(v * 7 / 127.0))] };
        QuantizationConfiguration four = stored.Configuration with { WeightOnly = stored.Configuration.WeightOnly.ToDictionary(w => w.Key, w => Coarse(w.Value)) };
        OnnxModel packed = (stored with { Configuration = four }).Emit(), plain = (stored with { Configuration = StoredIntegers.Unpacked(four) }).Emit();
        Assert.Equal(_layers.Length, packed.Graph.Proto.Initializer.Count(i => i.ElementType() == ElementType.Int4));
        Assert.Equal(Flow.Run(plain, flow.Data.Read(0)), Flow.Run(packed, flow.Data.Read(0)));
        Assert.InRange(Flow.Sqnr(flow.Emit(), packed, flow.Data), 5, 40);
    }

    [Fact]
    public void The_placement_of_an_emitted_model_tells_such_layers_and_counts_their_weights()
    {
        IReadOnlyList<LayerPlacement> placement = LayerPlacement.Read(Stored().Stored.Emit());
        Assert.All(_layers, id =>
        {
            LayerPlacement layer = placement.Single(p => p.Node.Output[0] == id);
            Assert.True(layer is { IsWeightOnly: true, IsQuantized: false } && layer.Weights > 500, $"{layer}");
        });
        Assert.Contains(placement, p => p.IsQuantized && !p.IsWeightOnly);
    }

    [Fact]
    public void A_weight_that_integers_or_other_nodes_read_too_is_not_stored()
    {
        OnnxModel model = Networks.OfSharedWeight();
        Flow one = Flow.Of(model, "a", "c"), both = Flow.Of(model, "a", "b");
        Assert.Equal(["c"], new StorableWeights(model, []).Of(one.Plan).Select(w => w.Id));
        IReadOnlyList<StorableWeight> stored = new StorableWeights(model, []).Of(both.Plan);
        Assert.Equal(["a", "b"], stored.Select(w => w.Id));
        OnnxModel emitted = (both with { Configuration = both.Configuration with { WeightOnly = stored.ToDictionary(w => w.Id, w => w.Weight) } }).Emit();
        Assert.Single(emitted.Graph.Nodes, n => n.OpType == "Cast");
        Assert.InRange(Flow.Sqnr(model, emitted, both.Data), 25, 80);
        Assert.Empty(new StorableWeights(model, ["a", "b"]).Of(both.Plan));
    }

    private static (Flow Flow, Flow Stored) Stored()
    {
        Network network = new(9);
        string x = network.Relu("r", network.Conv("first", network.Input("x", 1, 3, 8, 8), 3, 12));
        x = network.Relu("rc", network.Conv("conv", x, 12, 12));
        x = network.Relu("r2", network.Conv("second", x, 12, 12));
        x = network.Node("Tanh", "tt", [network.Node("ConvTranspose", "transposed", [x, network.Weight("transposed.w", 0.1, 12, 6, 3, 3)])]);
        x = network.Reshape("flat", x, 10, 60);
        x = network.Node("Tanh", "tp", [network.MatMul("product", x, 60, 24)]);
        x = network.Node("Tanh", "ti", [network.Gemm("inner", x, 24, 48)]);
        x = network.Node("Tanh", "y", [network.Gemm("turned", x, 48, 16, transposed: true)]);
        Flow flow = Flow.Of(network.Build(x), _layers);
        IReadOnlyList<StorableWeight> weights = new StorableWeights(flow.Model, []).Of(flow.Plan);
        return (flow, flow with { Configuration = flow.Configuration with { WeightOnly = weights.ToDictionary(w => w.Id, w => w.Weight) } });
    }

    private static string[] Kernels(OnnxModel model)
    {
        using TemporaryFolder folder = new();
        using (ModelSession.Create(model, new SessionSettings { OptimizedModelPath = folder["optimized.onnx"] }))
        {
            return [.. OnnxModel.Load(folder["optimized.onnx"]).Graph.Nodes.Select(n => n.OpType).Order(StringComparer.Ordinal)];
        }
    }
}
