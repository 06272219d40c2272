using QuantCluster.Inference;
using QuantCluster.Onnx;
using QuantCluster.Planning;
using QuantCluster.Search;
using QuantCluster.Tests.Planning;

namespace QuantCluster.Tests.Search;

public class TimeEstimateTests
{
    [Theory]
    [InlineData(5, 48, false)]
    [InlineData(48, 128, true)]
    [InlineData(128, 512, true)]
    public void Small_products_lose_time_on_integers_and_large_ones_win_it(int rows, int width, bool wins)
    {
        (TimeEstimate time, QuantizationPlan plan) = Of(rows, width);
        Assert.All(plan.Layers, l => Assert.Equal(wins, time.Gains[l.Id] > 0));
    }

    [Fact]
    public void One_of_a_transformers_small_products_back_in_float_costs_less_than_its_share_of_the_products()
    {
        (TimeEstimate time, QuantizationPlan plan) = Of(48, 128);
        double share = (double)plan.Layers[0].MultiplyAccumulates / plan.Layers.Sum(l => l.MultiplyAccumulates);
        double whole = time.Of(plan);
        Assert.InRange(time.Gains[plan.Layers[0].Id] / whole, 0.001, share);
    }

    [Theory]
    [InlineData(1, false)]
    [InlineData(3, true)]
    public void A_convolution_of_one_channel_is_laid_out_faster_in_float_one_that_gets_a_fourth_channel_is_faster_on_integers(int channels, bool wins)
    {
        (TimeEstimate time, QuantizationPlan plan, _) = Image(channels);
        Assert.Equal(wins, time.Gains[plan.Layers[0].Id] > 0);
        Assert.All(plan.Layers.Skip(1), l => Assert.True(time.Gains[l.Id] > 0));
    }

    [Fact]
    public void A_pool_left_between_float_and_integers_costs_more_than_the_float_convolution_before_it_saves()
    {
        (TimeEstimate time, QuantizationPlan plan, Func<string[], QuantizationPlan> without) = Image();
        double whole = time.Of(plan);
        Assert.True(time.Of(without(["a"])) > 1.2 * whole);
        Assert.True(time.Of(without(["a", "b"])) < time.Of(without(["a"])));
    }

    private static (TimeEstimate Time, QuantizationPlan Plan, Func<string[], QuantizationPlan> Without) Image(int channels = 3)
    {
        Network network = new(4);
        string x = network.Relu("ra", network.Conv("a", network.Input("in", 1, channels, 64, 64), channels, 32));
        x = network.Node("MaxPool", "pool", [x], Nodes.Ints("kernel_shape", 3, 3), Nodes.Ints("strides", 2, 2));
        foreach (string name in (string[])["b", "c", "d", "e"])
            x = network.Relu($"r{name}", network.Conv(name, x, 32, 32));
        OnnxModel model = network.Build(x);
        (TimeEstimate time, QuantizationPlan plan, IReadOnlyDictionary<string, TensorShape> shapes) = Estimate(model);
        return (time, plan, floats => PartialPlan.Of(
            model, shapes, plan, plan.Layers.Where(l => !floats.Contains(l.Node)).Select(l => l.Id).ToHashSet()));
    }

    private static (TimeEstimate Time, QuantizationPlan Plan) Of(int rows, int width)
    {
        Network network = new(4);
        string x = network.Input("in", 1, rows, width);
        for (int i = 0; i < 6; i++)
            x = network.Node("Tanh", $"t{i}", [network.Bias($"s{i}", network.MatMul($"m{i}", x, width, width), width)]);
        (TimeEstimate time, QuantizationPlan plan, _) = Estimate(network.Build(x));
        return (time, plan);
    }

    private static (TimeEstimate Time, QuantizationPlan Plan, IReadOnlyDictionary<string, TensorShape> Shapes) Estimate(OnnxModel model)
    {
        IReadOnlyDictionary<string, TensorShape> shapes = TensorProbe.Observe(model, Flow.Inputs(model, 1).Read(0));
        QuantizationPlan plan = Planner.Plan(model, shapes, PlanSettings.Default);
        return (new TimeEstimate(model, shapes, plan), plan, shapes);
    }
}
