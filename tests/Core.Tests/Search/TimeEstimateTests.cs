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

    private static (TimeEstimate Time, QuantizationPlan Plan) Of(int rows, int width)
    {
        Network network = new(4);
        string x = network.Input("in", 1, rows, width);
        for (int i = 0; i < 6; i++)
            x = network.Node("Tanh", $"t{i}", [network.Bias($"s{i}", network.MatMul($"m{i}", x, width, width), width)]);
        OnnxModel model = network.Build(x);
        IReadOnlyDictionary<string, TensorShape> shapes = TensorProbe.Observe(model, Flow.Inputs(model, 1).Read(0));
        QuantizationPlan plan = Planner.Plan(model, shapes, PlanSettings.Default);
        return (new TimeEstimate(model, shapes, plan), plan);
    }
}
