using QuantCluster.Corrections;
using QuantCluster.Data;
using QuantCluster.Emission;
using QuantCluster.Onnx;
using QuantCluster.Planning;
using QuantCluster.Tests.Planning;

namespace QuantCluster.Tests.Corrections;

public class ScalableTensorTests
{
    [Theory]
    [InlineData("LayerNormalization", "beta gamma")]
    [InlineData("decomposed", "beta gamma")]
    [InlineData("affine", "beta gamma")]
    public void A_normalization_takes_the_factors_of_all_layers_that_read_it(string normalization, string makers)
    {
        OnnxModel model = Transformers.Attention(normalization);
        ScalableTensor tensor = Find(model, "n");
        Assert.Equal(makers, string.Join(' ', tensor.Makers.Select(m => m.Name).Order()));
        Assert.Equal(["k.w", "q.w", "v.w"], tensor.Takers.Select(t => t.Name).Order());
        Assert.False(tensor.NeedsProduct);
        AssertExact(model, tensor);
    }

    [Fact]
    public void A_layer_takes_the_factors_through_an_attention_that_copies_its_values()
    {
        OnnxModel model = Transformers.Attention("affine");
        ScalableTensor tensor = Find(model, "joined");
        Assert.Equal(["v.w", "v_b.b"], tensor.Makers.Select(m => m.Name).Order());
        Assert.Equal([0, 1, 2, 3, 0, 1, 2, 3, 4, 5, 6, 7, 4, 5, 6, 7], tensor.Sources);
        AssertExact(model, tensor);
    }

    [Fact]
    public void A_gated_layers_value_takes_the_factors_and_its_gate_does_not()
    {
        OnnxModel model = Transformers.Gated();
        ScalableTensor tensor = Find(model, "gated");
        Assert.Equal(["up.w"], tensor.Makers.Select(m => m.Name));
        AssertExact(model, tensor);
    }

    [Fact]
    public void A_layer_takes_the_factors_through_a_bias_and_a_Relu()
    {
        OnnxModel model = Transformers.Gated();
        ScalableTensor tensor = Find(model, "relu");
        Assert.Equal(["hidden.w", "hidden_b.b"], tensor.Makers.Select(m => m.Name).Order());
        AssertExact(model, tensor);
    }

    [Fact]
    public void Where_others_read_the_tensor_its_layers_get_a_multiplied_copy()
    {
        OnnxModel model = Transformers.Attention("affine", residual: true);
        ScalableTensor tensor = Find(model, "n");
        Assert.Empty(tensor.Makers);
        Assert.True(tensor.NeedsProduct);
        OnnxModel scaled = AssertExact(model, tensor);
        Assert.Equal(["n"], scaled.Graph.Nodes.Single(n => n.OpType == "Add" && n.Output[0] == "y").Input.Skip(1));
        Assert.Equal(3, scaled.Graph.Consumers("n_scaled_2").Count);
    }

    [Fact]
    public void What_only_float_nodes_read_gets_its_channels_back_behind_the_integers()
    {
        OnnxModel model = Transformers.Patches();
        ScalableTensor tensor = Find(model, "patches");
        Assert.True(tensor.Restored);
        Assert.Equal(["patches.b", "patches.w"], tensor.Makers.Select(m => m.Name).Order());
        OnnxModel scaled = AssertExact(model, tensor);
        Assert.Equal(["patches_restored"], scaled.Graph.Producer("flat")!.Input.Take(1));
    }

    [Fact]
    public void A_nonlinear_function_between_layers_stops_the_factors()
    {
        ScalableTensor tensor = Find(Transformers.Gated(), "tanh");
        Assert.Empty(tensor.Makers);
        Assert.True(tensor.NeedsProduct);
    }

    [Fact]
    public void A_weight_that_two_nodes_share_takes_no_factors()
    {
        OnnxModel model = Transformers.Gated();
        model.Graph.Producer("up")!.Input[1] = "gate.w";
        model.Graph.Reindex();
        Assert.DoesNotContain(FindAll(model), t => t.Tensor == "n");
    }

    private static ScalableTensor Find(OnnxModel model, string tensor) => FindAll(model).Single(t => t.Tensor == tensor);

    private static IReadOnlyList<ScalableTensor> FindAll(OnnxModel model)
    {
        IDataset data = DataOf(model);
        return new ScalableTensors(model, Flow.PlanOf(model, data), data.Read(0)).Find();
    }

    private static IDataset DataOf(OnnxModel model) => model.Graph.Producer("patches") is null ? Transformers.Data(4) : Coarse.Images(4);

    /// <summary>Scales by factors between 1/4 and 4 and compares what the float models answer.</summary>
    private static OnnxModel AssertExact(OnnxModel model, ScalableTensor tensor)
    {
        IDataset data = DataOf(model);
        float[] factors = [.. Enumerable.Range(0, tensor.Channels).Select(c => MathF.Pow(4, MathF.Sin(1 + tensor.Sources[c])))];
        QuantizationPlan plan = Flow.PlanOf(model, data);
        QuantizationConfiguration configuration = Flow.Of(model, data).Configuration with { Scalings = [tensor.By(factors)] };
        OnnxModel scaled = ScaledModel.Of(model, plan, configuration).Prepared;
        Assert.True(Flow.Sqnr(model, scaled, data) > 100, $"{Flow.Sqnr(model, scaled, data)} dB");
        foreach (ChannelConstant constant in tensor.Makers.Concat(tensor.Takers))
            Assert.NotEqual(model.Graph.Initializer(constant.Name)!.ToFloats(), scaled.Graph.Initializer(constant.Name)!.ToFloats());
        return scaled;
    }
}
