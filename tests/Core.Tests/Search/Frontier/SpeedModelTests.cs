using QuantCluster.Data;
using QuantCluster.Inference;
using QuantCluster.Onnx;
using QuantCluster.Planning;
using QuantCluster.Search;
using QuantCluster.Search.Frontier;
using QuantCluster.Search.Sensitivity;
using QuantCluster.Tests.Planning;
using QuantCluster.Tests.Search.Sensitivity;

namespace QuantCluster.Tests.Search.Frontier;

public class SpeedModelTests
{
    private readonly OnnxModel _model = SensitivityNetworks.Chain();
    private readonly IReadOnlyDictionary<string, TensorShape> _shapes;
    private readonly QuantizationPlan _plan;

    public SpeedModelTests()
    {
        Sample sample = Flow.Inputs(_model, 1).Read(0);
        _shapes = TensorProbe.Observe(_model, sample);
        _plan = Planner.Plan(_model, _shapes, PlanSettings.Default);
    }

    [Fact]
    public void Borders_are_where_integers_begin_and_where_float_nodes_read_them()
    {
        // The input, and what the classifier's Softmax reads is float already.
        Assert.Equal(new Border(1, 4 * 8 * 8), Border.Of(_model, _shapes, _plan));

        // b float: in front of it integers end, behind it they begin anew.
        Assert.Equal(new Border(3, (4 * 8 * 8) + (2 * 8 * 8 * 8)), Border.Of(_model, _shapes, Without("b")));
    }

    [Fact]
    public void Layers_that_gain_most_cost_most_time_when_they_go_back_to_float()
    {
        SpeedModel speed = Speed();
        Assert.Equal(0.15, speed.GainOf("b"), 1e-9);
        double whole = speed.Predict(_plan), withoutGainer = speed.Predict(Without("b")), withoutLoser = speed.Predict(Without("a"));
        Assert.True(withoutGainer > whole + 0.1, $"{whole} {withoutGainer}");
        Assert.True(withoutLoser < whole, $"{whole} {withoutLoser}");
        Assert.Equal(0.6, whole, 1e-9);
    }

    [Fact]
    public void Whole_models_that_were_timed_correct_what_is_foretold()
    {
        SpeedModel speed = Speed();
        QuantizationPlan[] islands = [Without("b"), Without("b", "d"), Without("c"), Without("a", "c")];
        double before = speed.Predict(Without("d"));

        // A machine on which conversions cost more than the profile says.
        double Real(QuantizationPlan plan) => Speed().Predict(plan) + (0.02 * (Border.Of(_model, _shapes, plan).Conversions - 1));
        speed.Fit([.. islands.Select(p => new TimedPlan(p, Real(p)))]);
        double real = Real(Without("d"));
        Assert.True(Math.Abs(speed.Predict(Without("d")) - real) < Math.Abs(before - real) / 2, $"{before} {speed.Predict(Without("d"))} {real}");
    }

    [Fact]
    public void An_estimate_foretells_the_same_whatever_was_timed()
    {
        EstimatedSpeed speed = new(new TimeEstimate(_model, _shapes, _plan));
        double whole = speed.Predict(_plan);
        speed.Fit([new TimedPlan(_plan, 7), new TimedPlan(Without("b"), 0.1)]);
        Assert.Equal(whole, speed.Predict(_plan));
        Assert.Equal(1, speed.Predict(Trial.OfNothing.Plan), 1e-9);
    }

    [Fact]
    public void Chains_of_sets_begin_with_all_layers_and_repeat_none()
    {
        LayerSensitivity[] layers = [.. _plan.Layers.Select((l, i) => new LayerSensitivity(l.Id, l.Node, l.OpType, 1, l.Parameters, i, 0, 0, 0, -i, 0))];
        IReadOnlyList<FrontierCandidate> sets = FrontierChains.Make(layers, Speed().GainOf, 12);
        Assert.Equal(_plan.Layers.Count, sets[0].Quantized.Count);
        Assert.Equal(sets.Count, sets.Select(s => string.Join(' ', s.Quantized.Order())).Distinct().Count());
        Assert.All(sets, s => Assert.NotEmpty(s.Quantized));

        // The layer that is slower on integers goes first where error is weighed against speed.
        Assert.Contains(sets, s => s.Name == "error for its speed, 1 float" && !s.Quantized.Contains("a"));
    }

    [Fact]
    public void Long_chains_are_looked_at_closely_only_where_they_begin()
    {
        Assert.Equal([1, 2, 3, 4], FrontierChains.Steps(5, 12));
        IReadOnlyList<int> steps = FrontierChains.Steps(50, 12);
        Assert.InRange(steps.Count, 8, 12);
        Assert.Equal([1, 2, 3, 4, 5], steps.Take(5));
        Assert.Equal(49, steps[^1]);
    }

    private QuantizationPlan Without(params string[] floats) =>
        Planner.Plan(_model, _shapes, new PlanSettings { KeepFloat = floats.ToHashSet() });

    /// <summary>10 ms float, 6 ms on integers; a is slower on integers, b gains most.</summary>
    private SpeedModel Speed() => new(_model, _shapes, _plan, new LatencyProfile(1, 20, 10, 6,
    [
        new LayerLatency("a", 2, 2.7) { ConversionMs = 0.2 },
        new LayerLatency("b", 2.5, 1),
        new LayerLatency("c", 2, 0.8),
        new LayerLatency("d", 2, 1),
        new LayerLatency("classify", 0.5, 0.3),
    ]));
}
