using System.Text.Json;
using QuantCluster.Emission;
using QuantCluster.Inference;
using QuantCluster.Jobs;
using QuantCluster.Jobs.Stages;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;
using QuantCluster.Planning;

namespace QuantCluster.Tests.Planning;

public class PlannerTests
{
    [Fact]
    public void Relu_and_Clip_are_fused_and_quantized_behind_the_activation()
    {
        Network network = new();
        string x = network.Relu("r", network.Conv("a", network.Input("x", 1, 3, 8, 8), 3, 8));
        x = network.Clip("c", network.Conv("b", x, 8, 8), 0, 6);
        QuantizationPlan plan = Flow.PlanOf(network.Build(network.Node("Tanh", "y", [network.Conv("d", x, 8, 4)])));

        Assert.Equal([("a", "r", "Relu"), ("b", "c", "Clip"), ("d", "d", null)], plan.Layers.Select(l => (l.Id, l.Result, l.Activation)));
        Assert.Equal([("x", false), ("r", true), ("c", true), ("d", true)], plan.Points.Select(p => (p.Tensor, p.FromIntegerKernel)));
        Assert.Empty(plan.FloatLayers);
    }

    [Fact]
    public void A_Clip_that_does_not_start_at_zero_is_not_fused()
    {
        Network network = new();
        string x = network.Clip("c", network.Conv("a", network.Input("x", 1, 3, 8, 8), 3, 8), -1, 1);
        QuantizationPlan plan = Flow.PlanOf(network.Build(network.Node("Tanh", "y", [network.Conv("b", x, 8, 4)])));
        Assert.Equal(("a", null), (plan.Layers[0].Result, plan.Layers[0].Activation));
    }

    [Fact]
    public void An_activation_is_not_fused_when_the_convolution_has_other_readers()
    {
        Network network = new();
        string a = network.Conv("a", network.Input("x", 1, 3, 8, 8), 3, 8);
        string b = network.Conv("b", network.Relu("r", a), 8, 8);
        QuantizationPlan plan = Flow.PlanOf(network.Build(network.Node("Sub", "y", [a, b])));
        Assert.Equal("a", plan.Layers[0].Result);
        Assert.True(plan.Points.Single(p => p.Tensor == "a").FromIntegerKernel);
        Assert.False(plan.Points.Single(p => p.Tensor == "r").FromIntegerKernel);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_convolution_that_makes_the_models_output_stays_float(bool relu)
    {
        Network network = new();
        string a = network.Conv("a", network.Input("x", 1, 3, 8, 8), 3, 8);
        string b = network.Conv("b", a, 8, 8);
        QuantizationPlan plan = Flow.PlanOf(network.Build(relu ? network.Relu("y", b) : b));
        Assert.Equal(("b", "its output is the model's output, which stays float"), (plan.FloatLayers.Single().Id, plan.FloatLayers[0].Reason));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_convolution_that_an_If_body_captures_stays_float(bool relu)
    {
        Network network = new();
        string a = network.Conv("a", network.Input("x", 1, 3, 8, 8), 3, 8);
        string captured = relu ? network.Relu("r", a) : a;
        string b = network.Node("Tanh", "t", [network.Conv("b", captured, 8, 8)]);
        OnnxModel model = network.Build(network.Node("Add", "y", [network.If("if", network.Condition("yes", true), captured), b]));
        Flow flow = Flow.Of(model);
        Assert.Equal(("a", "its output is read inside an If, Loop or Scan, which stays float"), (flow.Plan.FloatLayers.Single().Id, flow.Plan.FloatLayers[0].Reason));
        flow.AssertIntegerKernels();
        Assert.InRange(Flow.Sqnr(model, flow.Emit(), flow.Data), 25, 200);
    }

    [Fact]
    public void Nothing_between_points_runs_on_integers_when_an_If_body_captures_it()
    {
        Network network = new();
        string a = network.Relu("ra", network.Conv("a", network.Input("x", 1, 3, 8, 8), 3, 8));
        string sum = network.Node("Add", "sum", [a, network.Conv("b", a, 8, 8)]);
        string c = network.Node("Tanh", "t", [network.Conv("c", sum, 8, 8)]);
        QuantizationPlan plan = Flow.PlanOf(network.Build(network.Node("Add", "y", [network.If("if", network.Condition("yes", true), sum), c])));
        Assert.Empty(plan.IntegerNodes);
        Assert.False(plan.Points.Single(p => p.Tensor == "sum").FromIntegerKernel);
    }

    [Fact]
    public void Computed_weights_keep_a_layer_float()
    {
        Network network = new();
        string x = network.Input("x", 1, 3, 8, 8);
        string weight = network.Node("Tanh", "weight", [network.Weight("v", 1, 4, 3, 1, 1)]);
        string a = network.Node("Conv", "a", [x, weight]);
        string flat = network.Reshape("flat", a, 4, -1);
        string product = network.Node("MatMul", "product", [flat, network.Node("Transpose", "turned", [flat])]);
        QuantizationPlan plan = Flow.PlanOf(network.Build(network.Gemm("last", product, 4, 4)));
        Assert.Equal([("a", "its weight is not constant"), ("product", "its weight is not constant")], plan.FloatLayers.Select(f => (f.Id, f.Reason)));
        Assert.Equal("last", Assert.Single(plan.Layers).Id);
    }

    [Theory]
    [InlineData("alpha")]
    [InlineData("beta")]
    [InlineData("transA")]
    public void A_Gemm_of_other_attributes_than_the_integer_kernels_stays_float(string attribute)
    {
        Network network = new();
        string x = network.Input("x", 8, 8);
        network.Add(Nodes.Create("Gemm", "odd", [x, network.Weight("w", 1, 8, 8), network.Weight("b", 1, 8)], ["odd"],
            attribute == "transA" ? Nodes.Int(attribute, 1) : Nodes.Float(attribute, 0.5f)));
        QuantizationPlan plan = Flow.PlanOf(network.Build(network.Gemm("y", "odd", 8, 4)));
        Assert.Equal("ONNX Runtime's integer Gemm needs alpha = beta = 1 and transA = 0", plan.FloatLayers.Single().Reason);
        Assert.Equal("y", plan.Layers.Single().Id);
    }

    [Fact]
    public void A_Gemm_whose_bias_is_not_one_value_a_column_stays_float()
    {
        Network network = new();
        string x = network.Input("x", 6, 8);
        string scalar = network.Node("Gemm", "scalar", [x, network.Weight("w1", 1, 8, 8), network.Weight("b1", 1, 1)]);
        string column = network.Node("Gemm", "column", [scalar, network.Weight("w2", 1, 8, 6), network.Weight("b2", 1, 6, 1)]);
        string whole = network.Node("Gemm", "whole", [column, network.Weight("w3", 1, 6, 8), network.Weight("b3", 1, 6, 8)]);
        string row = network.Node("Gemm", "row", [whole, network.Weight("w4", 1, 8, 8), network.Weight("b4", 1, 1, 8)]);
        QuantizationPlan plan = Flow.PlanOf(network.Build(row));
        Assert.Equal(["scalar", "column", "whole"], plan.FloatLayers.Select(f => f.Id));
        Assert.All(plan.FloatLayers, f => Assert.Equal("its bias is not one value a column", f.Reason));
        Assert.Equal("row", plan.Layers.Single().Id);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_constant_that_an_Add_puts_on_a_MatMul_is_its_bias(bool first)
    {
        Network network = new();
        string x = network.Input("x", 1, 6, 8);
        QuantizationPlan plan = Flow.PlanOf(network.Build(network.Bias("sum", network.MatMul("m", x, 8, 4), 4, first)));
        Assert.Equal(("m", "sum.b", "sum"), (plan.Layers.Single().Id, plan.Layers[0].Bias, plan.Layers[0].Result));
    }

    [Fact]
    public void A_matrix_product_with_a_constant_for_every_row_stays_float()
    {
        Network network = new();
        string placed = network.Node("Add", "placed", [network.MatMul("m", network.Input("x", 6, 8), 8, 8), network.Weight("positions", 1, 6, 8)]);
        Flow flow = Flow.Of(network.Build(network.Gemm("y", network.Node("Tanh", "t", [placed]), 8, 4)));
        Assert.Equal("ONNX Runtime merges it with the Add behind it into a Gemm, whose bias is float", flow.Plan.FloatLayers.Single().Reason);
        flow.AssertIntegerKernels();
    }

    [Fact]
    public void A_MatMul_whose_product_is_read_twice_has_no_bias()
    {
        Network network = new();
        string m = network.MatMul("m", network.Input("x", 1, 6, 8), 8, 4);
        QuantizationPlan plan = Flow.PlanOf(network.Build(network.Node("Mul", "y", [network.Bias("sum", m, 4), m])));
        Assert.Equal((null, "m"), (plan.Layers.Single().Bias, plan.Layers[0].Result));
    }

    [Fact]
    public void A_scalar_added_to_a_single_column_is_its_bias()
    {
        Network network = new();
        string m = network.MatMul("m", network.Input("x", 1, 6, 8), 8, 1);
        Flow flow = Flow.Of(network.Build(network.Node("Add", "y", [m, network.Scalar("one", 1)])));
        Assert.Equal("m", flow.Plan.Layers.Single().Id);
        Assert.InRange(Flow.Sqnr(flow.Model, flow.Emit(), flow.Data), 25, 200);
    }

    [Fact]
    public void Embeddings_normalisation_and_softmax_stay_float_and_so_do_products_of_activations()
    {
        Network network = new();
        string x = network.Input("x", 1, 6, 8);
        string normal = network.Node("LayerNormalization", "norm", [x, network.Weight("g", 1, 8), network.Weight("h", 1, 8)], Nodes.Int("axis", -1));
        string scores = network.Node("MatMul", "scores", [network.MatMul("q", normal, 8, 8), network.Node("Transpose", "kt", [network.MatMul("k", normal, 8, 8)], Nodes.Ints("perm", 0, 2, 1))]);
        string mixed = network.Node("MatMul", "mixed", [network.Node("Softmax", "weights", [scores]), network.MatMul("v", normal, 8, 8)]);
        string last = network.Bias("y", network.MatMul("o", mixed, 8, 8), 8);
        Flow flow = Flow.Of(network.Build(last));

        Assert.Equal(["q", "k", "v", "o"], flow.Plan.Layers.Select(l => l.Id));
        Assert.Equal(["norm", "mixed"], flow.Plan.Points.Select(p => p.Tensor));
        Assert.All(flow.Plan.Points, p => Assert.False(p.FromIntegerKernel));
        Assert.Empty(flow.Plan.IntegerNodes);
        flow.AssertIntegerKernels();
    }

    [Fact]
    public void A_ConvTranspose_stays_float_with_the_reason()
    {
        Network network = new();
        string a = network.Relu("r", network.Conv("a", network.Input("x", 1, 3, 8, 8), 3, 8));
        network.Node("ConvTranspose", "up", [a, network.Weight("w", 0.2, 8, 4, 2, 2)], Nodes.Ints("strides", 2, 2));
        QuantizationPlan plan = Flow.PlanOf(network.Build("up"));
        Assert.Equal("ONNX Runtime has no integer kernel for it", plan.FloatLayers.Single().Reason);
    }

    [Fact]
    public void A_lonely_depthwise_convolution_stays_float_and_one_in_a_chain_does_not()
    {
        Network lonely = new();
        string x = lonely.Node("HardSwish", "h1", [lonely.Conv("a", lonely.Input("x", 1, 3, 8, 8), 3, 8)]);
        x = lonely.Node("HardSwish", "h2", [lonely.Conv("depthwise", x, 8, 8, group: 8)]);
        x = lonely.Node("HardSwish", "h3", [lonely.Conv("b", x, 8, 8)]);
        QuantizationPlan plan = Flow.PlanOf(lonely.Build(x));
        Assert.Equal("depthwise", plan.FloatLayers.Single().Id);
        Assert.Contains("depthwise convolution between float neighbours", plan.FloatLayers[0].Reason);

        Network chain = new();
        x = chain.Relu("r1", chain.Conv("a", chain.Input("x", 1, 3, 8, 8), 3, 8));
        x = chain.Relu("r2", chain.Conv("depthwise", x, 8, 8, group: 8));
        x = chain.Node("HardSwish", "h3", [chain.Conv("b", x, 8, 8)]);
        Assert.Empty(Flow.PlanOf(chain.Build(x)).FloatLayers);
    }

    [Fact]
    public void A_tiny_convolution_without_spatial_extent_stays_float()
    {
        Network network = new();
        string a = network.Relu("r", network.Conv("a", network.Input("x", 1, 8, 32, 32), 8, 32));
        string squeezed = network.Conv("squeeze", network.Node("GlobalAveragePool", "pool", [a]), 32, 8, kernel: 1);
        string gate = network.Node("Sigmoid", "gate", [network.Conv("expand", network.Relu("rs", squeezed), 8, 32, kernel: 1)]);
        QuantizationPlan plan = Flow.PlanOf(network.Build(network.Node("Tanh", "y", [network.Conv("b", network.Node("Mul", "scaled", [a, gate]), 32, 8)])));
        Assert.Equal(["squeeze", "expand"], plan.FloatLayers.Select(f => f.Id));
        Assert.All(plan.FloatLayers, f => Assert.Equal("too small to repay the conversions at its borders", f.Reason));
    }

    [Fact]
    public void A_layer_the_configuration_names_stays_float()
    {
        Network network = new();
        string a = network.Relu("r", network.Conv("a", network.Input("x", 1, 3, 8, 8), 3, 8));
        QuantizationPlan plan = Flow.PlanOf(network.Build(network.Node("Tanh", "y", [network.Conv("b", a, 8, 8)])), "a");
        Assert.Equal(("a", "kept float by the configuration"), (plan.FloatLayers.Single().Id, plan.FloatLayers[0].Reason));
    }

    [Fact]
    public void A_model_without_a_layer_to_quantize_is_refused_with_the_reason()
    {
        Network none = new();
        QuantException error = Assert.Throws<QuantException>(() => Flow.PlanOf(none.Build(none.Relu("y", none.Input("x", 1, 4)))));
        Assert.Equal((ExitCode.BadModel, "the model has no layer that can be quantized: it has no Conv, Gemm or MatMul."), (error.Code, error.Message));

        Network only = new();
        error = Assert.Throws<QuantException>(() => Flow.PlanOf(only.Build(only.Conv("y", only.Input("x", 1, 3, 8, 8), 3, 4))));
        Assert.Equal("the model has no layer that can be quantized: its compute nodes stay float: Conv y: its output is the model's output, which stays float.", error.Message);
    }

    [Fact]
    public void Nodes_of_other_domains_functions_loops_and_absent_inputs_and_outputs_are_passed_over()
    {
        Network network = new();
        network.Proto.OpsetImport.Add(new OperatorSetIdProto { Domain = "house", Version = 1 });
        network.Proto.OpsetImport.Add(new OperatorSetIdProto { Domain = "com.microsoft", Version = 1 });
        FunctionProto twice = new() { Name = "Twice", Domain = "house" };
        twice.Input.Add("v");
        twice.Output.Add("w");
        twice.Node.Add(Nodes.Create("Add", "", ["v", "v"], ["w"]));
        twice.OpsetImport.Add(new OperatorSetIdProto { Domain = "", Version = 17 });
        network.Proto.Functions.Add(twice);

        string a = network.Relu("r", network.Conv("a", network.Input("x", 1, 3, 8, 8), 3, 8));
        network.Add(new NodeProto { OpType = "Twice", Domain = "house", Name = "twice", Input = { a }, Output = { "twice" } });
        network.Add(new NodeProto { OpType = "Gelu", Domain = "com.microsoft", Name = "gelu", Input = { "twice" }, Output = { "gelu" } });
        string clipped = network.Node("Clip", "clip", ["gelu", "", network.Scalar("high", 1)]);
        string rows = network.Reshape("rows", network.Conv("b", clipped, 8, 4), 8, 1, 32);
        // Its first output, all hidden states, is not asked for.
        network.Add(Nodes.Create("LSTM", "lstm", [rows, network.Weight("lw", 0.3, 1, 16, 32), network.Weight("lr", 0.3, 1, 16, 4), "", "", ""], ["", "hidden"], Nodes.Int("hidden_size", 4)));
        OnnxModel model = network.Build(network.If("y", network.Condition("no", false), "hidden"));

        Flow flow = Flow.Of(model);
        Assert.Equal(["a", "b"], flow.Plan.Layers.Select(l => l.Id));
        flow.AssertIntegerKernels();
        Assert.InRange(Flow.Sqnr(model, flow.Emit(), flow.Data), 20, 200);
    }

    [Fact]
    public void A_plan_comes_back_whole_from_its_file()
    {
        Network network = new();
        string x = network.Node("HardSwish", "h", [network.Conv("a", network.Input("x", 1, 3, 8, 8), 3, 8)]);
        QuantizationPlan plan = Flow.PlanOf(network.Build(network.Conv("y", network.Node("MaxPool", "pool", [network.Relu("r", network.Conv("b", x, 8, 8))], Nodes.Ints("kernel_shape", 2, 2)), 8, 4)));
        QuantizationPlan read = JsonSerializer.Deserialize(CanonicalJson.Serialize(plan, StageJson.Default.QuantizationPlan), StageJson.Default.QuantizationPlan)!;
        Assert.Equal(plan.Layers, read.Layers);
        Assert.Equal(4, read.Layers[0].ResultRank);
        Assert.Equal(plan.Points, read.Points);
        Assert.Equal(plan.IntegerNodes, read.IntegerNodes);
        Assert.Equal(plan.FloatLayers, read.FloatLayers);
    }

    [Fact]
    public void A_node_without_outputs_is_no_obstacle()
    {
        Network network = new();
        string a = network.Relu("r", network.Conv("a", network.Input("x", 1, 3, 8, 8), 3, 8));
        OnnxModel model = network.Build(network.Node("Tanh", "y", [network.Conv("b", a, 8, 8)]));
        Flow flow = Flow.Of(model);
        IReadOnlyDictionary<string, TensorShape> shapes = TensorProbe.Observe(model, flow.Data.Read(0));
        NodeProto silent = new() { OpType = "Log", Domain = "house", Name = "silent", Input = { "r" } };
        model.Graph.Nodes.Insert(2, silent);
        model.Graph.Reindex();

        QuantizationPlan plan = Planner.Plan(model, shapes, PlanSettings.Default);
        Assert.Equal(["a", "b"], plan.Layers.Select(l => l.Id));
        OnnxModel emitted = Emitter.Emit(model, plan, flow.Configuration);
        Assert.Equal("r_DequantizeLinear", emitted.Graph.Nodes.Single(n => n.Name == "silent").Input.Single());
    }
}
