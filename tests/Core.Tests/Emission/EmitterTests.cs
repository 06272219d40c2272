using QuantCluster.Data;
using QuantCluster.Inference;
using QuantCluster.Numerics;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;
using QuantCluster.Ranges;
using QuantCluster.Tests.Planning;

namespace QuantCluster.Tests.Emission;

public class EmitterTests
{
    [Fact]
    public void The_same_arguments_give_the_same_bytes_and_change_nothing_they_were_given()
    {
        Flow flow = Flow.Of(Chain());
        byte[] before = flow.Model.ToBytes();
        Assert.Equal(flow.Emit().ToBytes(), Flow.Of(Chain()).Emit().ToBytes());
        Assert.Equal(before, flow.Model.ToBytes());
    }

    [Fact]
    public void Tensors_have_telling_names_and_the_file_says_who_made_it()
    {
        Flow flow = Flow.Of(Chain());
        OnnxModel emitted = flow.Emit();
        Assert.Equal("QuantizeLinear", emitted.Graph.Producer("ra_QuantizeLinear")!.OpType);
        Assert.Equal("DequantizeLinear", emitted.Graph.Producer("ra_DequantizeLinear")!.OpType);
        Assert.Equal(["ra_DequantizeLinear", "b.w_DequantizeLinear", "b_bias_DequantizeLinear"], emitted.Graph.Producer("b")!.Input);
        Assert.Equal(ElementType.Int8, emitted.Graph.Initializer("b.w_quantized")!.ElementType());
        Assert.Equal("QuantCluster", emitted.Proto.ProducerName);
        Assert.Equal(flow.Configuration.Hash(), emitted.Proto.MetadataProps.Single(p => p.Key == "quantcluster.configuration").Value);
    }

    [Fact]
    public void A_bias_is_in_steps_of_the_float32_product_of_the_two_scales()
    {
        Flow flow = Flow.Of(Chain());
        OnnxModel emitted = flow.Emit();
        float input = flow.Configuration.Activations["ra"].Scale;
        float[] weights = flow.Configuration.Weights["b"].Scales, bias = emitted.Graph.Initializer("b_bias_scale")!.ToFloats();
        Assert.Equal(weights.Select(w => input * w), bias);
        float[] original = flow.Model.Graph.Initializer("b.b")!.ToFloats();
        long[] integers = emitted.Graph.Initializer("b_bias_quantized")!.ToInt64s();
        for (int c = 0; c < bias.Length; c++)
            Assert.Equal(original[c], (double)integers[c] * bias[c], bias[c] * 0.51);
    }

    [Fact]
    public void Per_tensor_weights_have_one_scale_and_run_on_integers()
    {
        Flow flow = Flow.Of(Chain(), Flow.Inputs(Chain(), 4), new RangeSettings { Method = "minmax", PerChannel = false });
        OnnxModel emitted = flow.Emit();
        Assert.Empty(emitted.Graph.Initializer("b.w_scale")!.Dims);
        Assert.Empty(emitted.Graph.Initializer("b_bias_scale")!.Dims);
        flow.AssertIntegerKernels();
        Assert.InRange(Flow.Sqnr(flow.Model, emitted, flow.Data), 20, 100);
    }

    [Fact]
    public void A_convolution_without_bias_is_given_one_when_it_is_corrected()
    {
        Network network = new();
        string a = network.Relu("ra", network.Conv("a", network.Input("x", 1, 3, 8, 8), 3, 4, bias: false));
        // Its optional bias is written down as absent.
        network.Add(Nodes.Create("Conv", "b", [a, network.Weight("w", 0.2, 4, 4, 1, 1), ""], ["b"]));
        Flow flow = Flow.Of(network.Build(network.Node("Tanh", "y", ["b"])));
        Assert.Equal(2, flow.Emit().Graph.Producer("a")!.Input.Count);

        Flow corrected = flow with { Configuration = flow.Configuration with { Biases = new Dictionary<string, float[]> { ["a"] = [1, 2, 3, 4], ["b"] = [.1f, .2f, .3f, .4f] } } };
        OnnxModel emitted = corrected.Emit();
        Assert.Equal("a_bias_DequantizeLinear", emitted.Graph.Producer("a")!.Input[2]);
        Assert.Equal("b_bias_DequantizeLinear", emitted.Graph.Producer("b")!.Input[2]);
        corrected.AssertIntegerKernels();
        Sample sample = flow.Data.Read(0);
        double shift = Mean(Flow.Run(emitted, sample, "b_DequantizeLinear")[0]) - Mean(Flow.Run(flow.Emit(), sample, "b_DequantizeLinear")[0]);
        Assert.True(Math.Abs(shift) > 0.05, $"{shift}");
    }

    [Fact]
    public void Layers_that_share_a_weight_each_have_its_integers()
    {
        Network network = new();
        string a = network.Relu("ra", network.Conv("a", network.Input("x", 1, 4, 8, 8), 4, 4));
        string b = network.Relu("rb", network.Node("Conv", "b", [a, "a.w"], Nodes.Ints("pads", 1, 1, 1, 1)));
        Flow flow = Flow.Of(network.Build(network.Node("Tanh", "y", [network.Conv("c", b, 4, 4)])));
        flow.AssertIntegerKernels();
        Assert.InRange(Flow.Sqnr(flow.Model, flow.Emit(), flow.Data), 25, 100);
    }

    [Fact]
    public void Products_that_share_a_bias_are_corrected_one_by_one()
    {
        Network network = new();
        string x = network.Input("x", 1, 6, 8), bias = network.Weight("bias", 1, 8);
        string one = network.Node("Add", "one", [network.MatMul("m1", x, 8, 8), bias]);
        string two = network.Node("Add", "two", [bias, network.MatMul("m2", x, 8, 8)]);
        Flow flow = Flow.Of(network.Build(network.Node("Sub", "y", [one, two])));
        Dictionary<string, float[]> biases = new() { ["m1"] = [.. Enumerable.Repeat(5f, 8)], ["m2"] = [.. Enumerable.Repeat(3f, 8)] };
        Flow corrected = flow with { Configuration = flow.Configuration with { Biases = biases } };
        corrected.AssertIntegerKernels();

        Sample sample = flow.Data.Read(0);
        float[][] before = Flow.Run(flow.Emit(), sample, "one", "two"), after = Flow.Run(corrected.Emit(), sample, "one", "two");
        float[] own = flow.Model.Graph.Initializer("bias")!.ToFloats();
        for (int i = 0; i < before[0].Length; i++)
        {
            Assert.Equal(before[0][i] - own[i % 8] + 5, after[0][i], 1e-4);
            Assert.Equal(before[1][i] - own[i % 8] + 3, after[1][i], 1e-4);
        }
    }

    [Fact]
    public void Padding_the_integers_equals_padding_the_floats()
    {
        Network network = new();
        string a = network.Conv("a", network.Input("x", 1, 3, 8, 8), 3, 4);
        string b = network.Conv("b", network.Pad("padded", a, 0, 0, 1, 2, 0, 0, 3, 0), 4, 4);
        Flow flow = Flow.Of(network.Build(network.Node("Tanh", "y", [b])));
        OnnxModel emitted = flow.Emit();
        Assert.Equal("a_QuantizeLinear", emitted.Graph.Producer("padded_QuantizeLinear")!.Input[0]);
        Assert.NotEqual(0, flow.Configuration.Activations["a"].ZeroPoint);

        Sample sample = flow.Data.Read(0);
        AffineMapping mapping = flow.Configuration.Activations["a"];
        using ModelSession session = ModelSession.Create(TensorProbe.WithOutputs(emitted, ["a_QuantizeLinear", "padded_DequantizeLinear"]), new SessionSettings());
        using RunResult result = session.Run(sample, ["a_QuantizeLinear", "padded_DequantizeLinear"]);
        float[] integers = [.. result.Bytes(0).ToArray().Select(q => mapping.Dequantize(q))];
        OnnxModel pad = Subgraph.Cut(flow.Model, [flow.Model.Graph.Producer("padded")!], new Dictionary<string, ElementType> { ["a"] = ElementType.Float }, ["padded"]);
        Sample inner = new(0, new Dictionary<string, DenseTensor> { ["a"] = DenseTensor.FromFloats([1, 4, 8, 8], integers) });
        Assert.Equal(Flow.Run(pad, inner)[0], result.Floats(1).ToArray());
    }

    [Theory]
    [InlineData("Conv")]
    [InlineData("ConvTranspose")]
    [InlineData("Gemm")]
    [InlineData("transposed Gemm")]
    [InlineData("pooled Conv")]
    [InlineData("reshaped Gemm")]
    [InlineData("narrow Conv")]
    [InlineData("sliced Conv")]
    public void A_float_layer_between_integer_ones_keeps_its_float_weight(string kind)
    {
        Network network = new();
        string x = kind is "Gemm" or "transposed Gemm" ? network.Input("x", 8, 8) : network.Input("x", 1, 4, 8, 8);
        string island, last;
        switch (kind)
        {
            case "Conv":
                island = network.Conv("island", network.Relu("ra", network.Conv("a", x, 4, 6)), 6, 4, group: 2);
                last = network.Conv("b", network.Relu("ri", island), 4, 4);
                break;
            case "narrow Conv":
                island = network.Conv("island", network.Relu("ra", network.Conv("a", x, 4, 1)), 1, 4);
                last = network.Conv("b", network.Relu("ri", island), 4, 4);
                break;
            case "sliced Conv":
                string half = network.Node("Slice", "half", [network.Relu("ra", network.Conv("a", x, 4, 2)), network.Integers("from", 0), network.Integers("to", 1), network.Integers("on", 1)]);
                island = network.Conv("island", half, 1, 4);
                last = network.Conv("b", network.Relu("ri", island), 4, 4);
                break;
            case "pooled Conv":
                network.Node("MaxPool", "pool", [network.Relu("ra", network.Conv("a", x, 4, 6))], Nodes.Ints("kernel_shape", 2, 2));
                island = network.Conv("island", "pool", 6, 4);
                last = network.Conv("b", network.Relu("ri", island), 4, 4);
                break;
            case "reshaped Gemm":
                string reshaped = network.Reshape("reshaped", network.Relu("ra", network.Conv("a", x, 4, 6)), 1, -1);
                island = network.Gemm("island", reshaped, 384, 8);
                last = network.Gemm("b", network.Relu("ri", island), 8, 8);
                break;
            case "ConvTranspose":
                island = network.Node("ConvTranspose", "island", [network.Relu("ra", network.Conv("a", x, 4, 6)), network.Weight("w", 0.3, 6, 4, 2, 2)]);
                last = network.Conv("b", island, 4, 4);
                break;
            default:
                island = network.Node("Gemm", "island", [network.Relu("ra", network.Gemm("a", x, 8, 8)), network.Weight("w", 0.3, 8, 8)], Nodes.Int("transA", kind == "Gemm" ? 0 : 1), Nodes.Float("alpha", 0.5f));
                last = network.Gemm("b", island, 8, 8);
                break;
        }

        Flow flow = Flow.Of(network.Build(network.Node("Tanh", "y", [last])), "island");
        Assert.Equal("island", flow.Plan.FloatLayers.Single().Id);
        OnnxModel emitted = flow.Emit();
        flow.AssertIntegerKernels();

        // In ONNX Runtime as users run it, the island computes what the float model's node computes on the same values.
        string read = kind switch { "pooled Conv" => "pool", "reshaped Gemm" => "reshaped", "sliced Conv" => "half", _ => "ra" };
        string real = read == "ra" ? emitted.Graph.Producer("island")!.Input[0] : read;
        (float[] input, long[] shape, float[] output) = WithoutTaps(emitted, flow.Data.Read(0), real);
        OnnxModel alone = Subgraph.Cut(flow.Model, [flow.Model.Graph.Producer("island")!, .. flow.Model.Graph.Producer("ri") is not null ? new[] { flow.Model.Graph.Producer("ri")! } : []],
            new Dictionary<string, ElementType> { [read] = ElementType.Float }, [flow.Plan.Layers[^1].Input]);
        float[] expected = Flow.Run(alone, new Sample(0, new Dictionary<string, DenseTensor> { [read] = DenseTensor.FromFloats(shape, input) }))[0];
        AffineMapping mapping = flow.Configuration.Activations[flow.Plan.Layers[^1].Input];
        // What is left is one rounding, by the very mapping of the next layer's input.
        int off = expected.Zip(output).Count(p => Math.Abs(mapping.RoundTrip(p.First) - p.Second) > mapping.Scale * 1e-3);
        Assert.True(off <= expected.Length / 100, $"{off} of {expected.Length}");
    }

    [Theory]
    [InlineData(3)]
    [InlineData(8)]
    public void Nothing_is_left_that_nobody_reads(long irVersion)
    {
        Network network = new(irVersion: irVersion);
        string a = network.Relu("ra", network.Conv("a", network.Input("x", 1, 3, 8, 8), 3, 4));
        network.Weight("nobody", 1, 4);
        string b = network.Node("Tanh", "t", [network.Conv("b", network.Pad("padded", a, 0, 0, 1, 1, 0, 0, 1, 1), 4, 4)]);
        string captured = network.Weight("captured", 1, 4, 1, 1);
        OnnxModel model = network.Build(network.Node("Add", "y", [irVersion < 4 ? captured : network.If("if", network.Condition("yes", true), captured), b]));
        // Before version 4 the format wanted initializers to be inputs.
        foreach (TensorProto constant in model.Graph.Proto.Initializer.Where(_ => irVersion < 4))
            model.Graph.Proto.Input.Add(Network.Value(constant.Name, constant.ElementType(), [.. constant.Dims]));
        model.Graph.Reindex();
        Flow flow = Flow.Of(model);
        OnnxModel emitted = flow.Emit();

        HashSet<string> read = [.. emitted.Graph.Nodes.SelectMany(Subgraph.Reads), .. emitted.Graph.Proto.Output.Select(o => o.Name)];
        Assert.All(emitted.Graph.Nodes.Where(n => n.OpType == "DequantizeLinear"), n => Assert.Contains(n.Output[0], read));
        Assert.All(emitted.Graph.Proto.Initializer, i => Assert.Contains(i.Name, read));
        Assert.All(emitted.Graph.Proto.Input, i => Assert.Contains(i.Name, read));
        Assert.NotNull(emitted.Graph.Initializer("captured"));
        Assert.Null(emitted.Graph.Initializer("nobody"));
        Assert.Null(emitted.Graph.Initializer("a.w"));
        flow.AssertIntegerKernels();
        Assert.InRange(Flow.Sqnr(model, emitted, flow.Data), 25, 100);
    }

    [Fact]
    public void A_model_that_has_our_names_already_is_refused_with_the_reason()
    {
        Network network = new();
        string a = network.Relu("ra", network.Conv("a", network.Input("x", 1, 3, 8, 8), 3, 4));
        network.Node("Tanh", "ra_QuantizeLinear", [a]);
        Flow flow = Flow.Of(network.Build(network.Node("Add", "y", ["ra_QuantizeLinear", network.Node("Tanh", "t", [network.Conv("b", a, 4, 4)])])));
        QuantException error = Assert.Throws<QuantException>(flow.Emit);
        Assert.Equal((ExitCode.BadModel, "the model already has a tensor named 'ra_QuantizeLinear': was it quantized before? Give the float model."), (error.Code, error.Message));
    }

    [Fact]
    public void A_float_node_reads_floats_where_they_exist_and_dequantized_values_where_they_do_not()
    {
        Network network = new();
        string x = network.Input("x", 1, 3, 8, 8);
        string a = network.Relu("ra", network.Conv("a", x, 3, 3));
        string b = network.Node("Exp", "exp", [network.Conv("b", a, 3, 3)]);
        Flow flow = Flow.Of(network.Build(network.Node("Sub", "y", [network.Node("Sub", "d", [x, a]), b])));
        Assert.Equal(["x", "ra_DequantizeLinear"], flow.Emit().Graph.Producer("d")!.Input);
    }

    private static OnnxModel Chain()
    {
        Network network = new();
        string a = network.Relu("ra", network.Conv("a", network.Input("x", 1, 3, 8, 8), 3, 4));
        return network.Build(network.Node("Tanh", "y", [network.Conv("b", a, 4, 4)]));
    }

    private static double Mean(float[] values) => values.Average();

    /// <summary>
    /// What the island reads and what the next layer reads of it. Each is tapped in a session of its own: an output in
    /// the middle may keep ONNX Runtime from an optimization, but not one behind a QuantizeLinear.
    /// </summary>
    private static (float[] Input, long[] Shape, float[] Output) WithoutTaps(OnnxModel emitted, Sample sample, string island)
    {
        string next = emitted.Graph.Producer("b")!.Input[0];
        using ModelSession one = ModelSession.Create(TensorProbe.WithOutputs(emitted, [island]), new SessionSettings());
        using RunResult input = one.Run(sample, [island]);
        return (input.Floats(0).ToArray(), input.ShapeOf(0), Flow.Run(emitted, sample, next)[0]);
    }
}
