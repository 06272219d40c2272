using QuantCluster.Numerics;
using QuantCluster.Onnx;
using QuantCluster.Planning;

namespace QuantCluster.Tests.Planning;

public class SaturatedTailTests
{
    private static readonly RealRange AboveMinusThree = new(-3, double.PositiveInfinity);

    [Fact]
    public void HardSwish_tells_nothing_apart_below_minus_three()
    {
        Assert.Equal(AboveMinusThree, Tail(n => n.Node("HardSwish", "y", ["a"])));
    }

    [Fact]
    public void A_product_with_HardSigmoid_tells_nothing_apart_below_its_zero()
    {
        RealRange? tail = Tail(n => n.Node("Mul", "y", ["a", n.Node("HardSigmoid", "gate", ["a"], Nodes.Float("alpha", 1f / 6), Nodes.Float("beta", 0.5f))]));
        Assert.Equal(-3, tail!.Value.Minimum, 1e-6);
        Assert.Equal(double.PositiveInfinity, tail.Value.Maximum);
        Assert.Equal(-2.5, Tail(n => n.Node("Mul", "y", [n.Node("HardSigmoid", "gate", ["a"]), "a"]))!.Value.Minimum, 1e-6);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_exporters_spelling_of_HardSwish_is_known(bool divideFirst) => Assert.Equal(AboveMinusThree, Tail(n =>
    {
        string clip = n.Clip("clip", n.Node("Add", "shifted", ["a", n.Scalar("three", 3)]), 0, 6);
        string six = n.Scalar("six", 6);
        return divideFirst
            ? n.Node("Mul", "y", ["a", n.Node("Div", "gate", [clip, six])])
            : n.Node("Div", "y", [n.Node("Mul", "product", ["a", clip]), six]);
    }));

    [Fact]
    public void Other_readers_have_no_saturated_tail()
    {
        Assert.Null(Tail(n => n.Node("Tanh", "y", ["a"])));
        Assert.Null(Tail(n => n.Node("Mul", "y", ["a", n.Node("Sigmoid", "gate", ["a"])])));
        Assert.Null(Tail(n => n.Node("Mul", "y", ["a", n.Clip("clip", n.Node("Add", "shifted", ["a", n.Scalar("three", 3)]), -1, 6)])));
        Assert.Null(Tail(n => n.Node("Add", "y", ["a", n.Node("HardSigmoid", "gate", ["a"])])));
        Assert.Null(Tail(n => n.Node("Add", "y", [n.Node("HardSwish", "h", ["a"]), n.Node("Tanh", "t", ["a"])])));
    }

    [Fact]
    public void A_tensor_others_see_has_no_saturated_tail()
    {
        Assert.Null(Tail(n => n.Node("HardSwish", "y", ["a"]), "a"));
        Assert.Null(Tail(n => n.If("if", n.Condition("yes", true), n.Node("HardSwish", "y", ["a"]).Replace('y', 'a'))));
        // The sum is below zero where x is below −3, and here it is an output.
        Assert.Null(Tail(n => n.Node("Mul", "y", ["a", n.Clip("clip", n.Node("Add", "shifted", ["a", n.Scalar("three", 3)]), 0, 6)]), "shifted"));
    }

    [Fact]
    public void The_planner_writes_the_tail_down_where_a_convolution_feeds_a_HardSwish()
    {
        Network network = new();
        string h = network.Node("HardSwish", "h", [network.Conv("a", network.Input("x", 1, 3, 8, 8), 3, 8)]);
        QuantizationPlan plan = Flow.PlanOf(network.Build(network.Node("Tanh", "y", [network.Conv("b", h, 8, 8)])));
        Assert.Equal(AboveMinusThree, plan.Points.Single(p => p.Tensor == "a").Effective);
        Assert.All(plan.Points.Where(p => p.Tensor != "a"), p => Assert.Null(p.Effective));
    }

    private static RealRange? Tail(Func<Network, string> readers, params string[] outputs)
    {
        Network network = new();
        network.Node("Tanh", "a", [network.Input("x", 1, 4)]);
        return SaturatedTail.Of(network.Build([readers(network), .. outputs]).Graph, "a");
    }
}
