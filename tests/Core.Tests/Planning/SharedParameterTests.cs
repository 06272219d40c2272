using QuantCluster.Onnx;
using QuantCluster.Planning;

namespace QuantCluster.Tests.Planning;

/// <summary>Which points share scale and zero point, and what runs on integers between them.</summary>
public class SharedParameterTests
{
    [Theory]
    [InlineData("MaxPool")]
    [InlineData("Reshape")]
    [InlineData("Transpose")]
    [InlineData("Slice")]
    [InlineData("Pad")]
    [InlineData("Flatten")]
    public void The_two_sides_of_a_node_that_only_moves_values_share_parameters(string opType)
    {
        Network network = new();
        string a = network.Relu("r", network.Conv("a", network.Input("x", 1, 3, 8, 8), 3, 8));
        string moved = Move(network, opType, "moved", a);
        string last = opType == "Flatten" ? network.Gemm("b", moved, 512, 8) : network.Conv("b", moved, 8, 8);
        Flow flow = Flow.Of(network.Build(network.Node("Tanh", "y", [last])));

        QuantizationPoint before = flow.Plan.Points.Single(p => p.Tensor == "r"), after = flow.Plan.Points.Single(p => p.Tensor == "moved");
        Assert.Equal(before.Group, after.Group);
        Assert.True(after.FromIntegerKernel);
        Assert.Equal(["moved"], flow.Plan.IntegerNodes);
        Assert.Equal(flow.Configuration.Activations["r"], flow.Configuration.Activations["moved"]);
        flow.AssertIntegerKernels();
        Assert.InRange(Flow.Sqnr(flow.Model, flow.Emit(), flow.Data), 25, 200);
    }

    [Fact]
    public void A_Pad_with_another_value_than_zero_shares_nothing()
    {
        Network network = new();
        string a = network.Relu("r", network.Conv("a", network.Input("x", 1, 3, 8, 8), 3, 8));
        string padded = network.Node("Pad", "padded", [a, network.Integers("pads", 0, 0, 1, 1, 0, 0, 1, 1), network.Scalar("one", 1)]);
        QuantizationPlan plan = Flow.PlanOf(network.Build(network.Node("Tanh", "y", [network.Conv("b", padded, 8, 8)])));
        Assert.Empty(plan.IntegerNodes);
        Assert.NotEqual(plan.Points.Single(p => p.Tensor == "r").Group, plan.Points.Single(p => p.Tensor == "padded").Group);
    }

    [Fact]
    public void A_chain_of_moves_is_one_group()
    {
        Network network = new();
        string x = network.Relu("r", network.Conv("a", network.Input("x", 1, 3, 8, 8), 3, 8));
        x = Move(network, "MaxPool", "pooled", x);
        x = Move(network, "Pad", "padded", x);
        x = Move(network, "Reshape", "turned", x, 1, 8, 6, 6);
        Flow flow = Flow.Of(network.Build(network.Node("Tanh", "y", [network.Conv("b", x, 8, 8)])));
        Assert.Equal(["x", "r", "r", "r", "r", "b"], flow.Plan.Points.Select(p => p.Group));
        flow.AssertIntegerKernels();
    }

    [Theory]
    [InlineData("Relu", "Relu", true)]
    [InlineData("Relu", "none", false)]
    [InlineData("none", "none", true)]
    [InlineData("Relu", "Clip", false)]
    [InlineData("Clip", "Clip", true)]
    public void Parts_of_a_Concat_that_are_cut_alike_share_parameters(string left, string right, bool shared)
    {
        Network network = new();
        string x = network.Input("x", 1, 3, 8, 8);
        string Part(string name, string activation, int channels) => activation switch
        {
            "Relu" => network.Relu("r" + name, network.Conv(name, x, 3, channels)),
            "Clip" => network.Clip("c" + name, network.Conv(name, x, 3, channels), 0, 1),
            _ => network.Conv(name, x, 3, channels),
        };
        string[] parts = [Part("a", left, 8), Part("b", right, 4)];
        string joined = network.Node("Concat", "joined", parts, Nodes.Int("axis", 1));
        string again = network.Node("Concat", "again", [joined, Part("d", left, 4)], Nodes.Int("axis", 1));
        Flow flow = Flow.Of(network.Build(network.Node("Tanh", "y", [network.Conv("c", again, 16, 8)])));
        Assert.Equal(["joined", "again"], flow.Plan.IntegerNodes);
        Assert.Equal(shared ? 1 : 2, flow.Plan.Points.Where(p => parts.Contains(p.Tensor)).Select(p => p.Group).Distinct().Count());
        flow.AssertIntegerKernels();
        Assert.InRange(Flow.Sqnr(flow.Model, flow.Emit(), flow.Data), 20, 100);
    }

    [Fact]
    public void A_Concat_in_front_of_a_Relu_runs_on_integers()
    {
        Network network = new();
        string x = network.Input("x", 1, 3, 8, 8);
        string joined = network.Relu("r", network.Node("Concat", "joined", [network.Conv("a", x, 3, 8), network.Conv("b", x, 3, 4)], Nodes.Int("axis", 1)));
        Flow flow = Flow.Of(network.Build(network.Node("Tanh", "y", [network.Conv("c", joined, 12, 8)])));
        Assert.Equal(["joined"], flow.Plan.IntegerNodes);
        Assert.Contains(flow.AssertIntegerKernels().Nodes, n => n.Node == "joined" && n.Actual!.Value.Operator == "QLinearConcat");
    }

    [Fact]
    public void A_residual_Add_of_two_integer_branches_runs_on_integers()
    {
        Network network = new();
        string a = network.Relu("ra", network.Conv("a", network.Input("x", 1, 3, 8, 8), 3, 8));
        string b = network.Conv("b", a, 8, 8);
        string sum = network.Relu("rsum", network.Node("Add", "sum", [a, b]));
        Flow flow = Flow.Of(network.Build(network.Node("Tanh", "y", [network.Conv("c", sum, 8, 8)])));
        Assert.Equal(["sum"], flow.Plan.IntegerNodes);
        Assert.True(flow.Plan.Points.Single(p => p.Tensor == "rsum").FromIntegerKernel);
        Assert.Contains(flow.AssertIntegerKernels().Nodes, n => n.Node == "sum" && n.Actual!.Value.Operator == "QLinearAdd");
    }

    [Fact]
    public void A_residual_Add_of_a_float_branch_stays_float()
    {
        Network network = new();
        string a = network.Relu("ra", network.Conv("a", network.Input("x", 1, 3, 8, 8), 3, 8));
        string b = network.Node("Tanh", "tb", [network.Conv("b", a, 8, 8)]);
        string sum = network.Node("Add", "sum", [a, b]);
        QuantizationPlan plan = Flow.PlanOf(network.Build(network.Node("Tanh", "y", [network.Conv("c", sum, 8, 8)])));
        Assert.Empty(plan.IntegerNodes);
        Assert.False(plan.Points.Single(p => p.Tensor == "sum").FromIntegerKernel);
    }

    [Fact]
    public void Integers_do_not_flow_where_nobody_reads_them()
    {
        Network network = new();
        string a = network.Relu("ra", network.Conv("a", network.Input("x", 1, 3, 8, 8), 3, 8));
        string pooled = network.Node("GlobalAveragePool", "pooled", [network.Node("Add", "sum", [a, network.Conv("b", a, 8, 8)])]);
        Assert.Empty(Flow.PlanOf(network.Build(pooled)).IntegerNodes);
    }

    [Fact]
    public void A_MaxPool_whose_indices_are_read_stays_float()
    {
        Network network = new();
        string a = network.Relu("r", network.Conv("a", network.Input("x", 1, 3, 8, 8), 3, 8));
        network.Add(Nodes.Create("MaxPool", "pool", [a], ["pooled", "where"], Nodes.Ints("kernel_shape", 2, 2), Nodes.Ints("strides", 2, 2)));
        string b = network.Node("Tanh", "t", [network.Conv("b", "pooled", 8, 8)]);
        network.Add(Nodes.Create("MaxUnpool", "unpool", [b, "where"], ["y"], Nodes.Ints("kernel_shape", 2, 2), Nodes.Ints("strides", 2, 2)));
        Flow flow = Flow.Of(network.Build("y"));
        Assert.Empty(flow.Plan.IntegerNodes);
        flow.AssertIntegerKernels();
        Assert.InRange(Flow.Sqnr(flow.Model, flow.Emit(), flow.Data), 0, 200);
    }

    private static string Move(Network network, string opType, string name, string input, params long[] shape) => opType switch
    {
        "MaxPool" => network.Node("MaxPool", name, [input], Nodes.Ints("kernel_shape", 2, 2), Nodes.Ints("strides", 2, 2)),
        "Reshape" => network.Reshape(name, input, shape.Length > 0 ? shape : [1, 8, 4, 16]),
        "Transpose" => network.Node("Transpose", name, [input], Nodes.Ints("perm", 0, 1, 3, 2)),
        "Slice" => network.Node("Slice", name, [input, network.Integers(name + ".from", 1), network.Integers(name + ".to", 7), network.Integers(name + ".axes", 2)]),
        "Pad" => network.Pad(name, input, 0, 0, 1, 1, 0, 0, 1, 1),
        _ => network.Node("Flatten", name, [input]),
    };
}
