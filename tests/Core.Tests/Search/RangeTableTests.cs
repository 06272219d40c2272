using QuantCluster.Calibration;
using QuantCluster.Inference;
using QuantCluster.Numerics;
using QuantCluster.Onnx;
using QuantCluster.Planning;
using QuantCluster.Ranges;
using QuantCluster.Search.Configuration;
using QuantCluster.Tests.Planning;

namespace QuantCluster.Tests.Search;

public class RangeTableTests
{
    private static readonly AffineMapping Mapping = new(0.02f, 100, IntegerType.UInt8);

    [Fact]
    public void A_given_range_is_the_default_exactly_and_can_be_left()
    {
        (TrialBuilder builder, SearchConfiguration all, string input) = Products(observed: true);
        Assert.Equal(Mapping, builder.Build(all).Configuration.Activations[input]);
        Assert.Equal(Mapping, builder.Build(all.WithRange(input, RangeCandidate.Given)).Configuration.Activations[input]);

        AffineMapping narrow = builder.Build(all.WithRange(input, RangeCandidate.Given with { Factor = 0.9 })).Configuration.Activations[input];
        Assert.Equal(0.9 * Mapping.Scale, narrow.Scale, 6);
        Assert.Equal(Mapping.ZeroPoint, narrow.ZeroPoint);
        AffineMapping other = builder.Build(all.WithRange(input, new RangeCandidate("minmax"))).Configuration.Activations[input];
        Assert.NotEqual(Mapping, other);
        Assert.Equal("given*0.9", builder.Methods(all.WithRange(input, RangeCandidate.Given with { Factor = 0.9 }))[input]);
    }

    [Fact]
    public void Estimators_are_offered_for_given_ranges_only_where_the_statistics_are_of_the_model_that_is_quantized()
    {
        (TrialBuilder observed, _, string input) = Products(observed: true);
        Assert.Contains(new RangeCandidate("minmax"), observed.Ranges.CandidatesOf([input]));
        Assert.Equal([RangeCandidate.Given], Products(observed: false).Builder.Ranges.CandidatesOf([input]));
        Assert.Empty(observed.Ranges.CandidatesOf([input, "another"]));
        Assert.Equal(observed.Ranges.Estimators, observed.Ranges.CandidatesOf(["another"]));
    }

    private static (TrialBuilder Builder, SearchConfiguration All, string Input) Products(bool observed)
    {
        Network network = new(4);
        string x = network.Node("Tanh", "x", [network.Input("in", 1, 8, 16)]);
        OnnxModel model = network.Build(network.Node("Tanh", "y", [network.Bias("sum", network.MatMul("product", x, 16, 16), 16)]));
        IReadOnlyDictionary<string, TensorShape> shapes = TensorProbe.Observe(model, Flow.Inputs(model, 1).Read(0));
        QuantizationPlan plan = Planner.Plan(model, shapes, PlanSettings.Default);
        CalibrationStatistics statistics = Calibrator.Calibrate(
            model, [.. plan.Points.Select(p => new TapRequest(p.Tensor))], Flow.Inputs(model, 6), new CalibrationSettings(), null, CancellationToken.None);
        string input = plan.Layers.Single().Input;
        RangeTable ranges = new(statistics, RangeSettings.Default, new Dictionary<string, AffineMapping> { [input] = Mapping })
        {
            Observed = observed ? new HashSet<string> { input } : new HashSet<string>(),
        };
        return (new TrialBuilder(model, shapes, plan, ranges), SearchConfiguration.AllFloat.With(plan.Layers[0].Id, LayerChoice.Int8), input);
    }
}
