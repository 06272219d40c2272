using QuantCluster.Calibration;
using QuantCluster.Data;
using QuantCluster.Inference;
using QuantCluster.Onnx;
using QuantCluster.Planning;
using QuantCluster.Ranges;
using QuantCluster.Search;
using QuantCluster.Search.Configuration;
using QuantCluster.Search.Objectives;
using QuantCluster.Tests.Planning;

namespace QuantCluster.Tests.Search.Sensitivity;

public class LayerSubsetTests
{
    private readonly OnnxModel _model = SensitivityNetworks.Chain(outlier: 20);
    private readonly IDataset _data;
    private readonly QuantizationPlan _plan;
    private readonly IReadOnlyDictionary<string, TensorShape> _shapes;
    private readonly CalibrationStatistics _statistics;
    private readonly TrialBuilder _trials;

    public LayerSubsetTests()
    {
        _data = Flow.Inputs(_model, 6);
        _plan = Flow.PlanOf(_model, _data);
        _shapes = TensorProbe.Observe(_model, _data.Read(0));
        _statistics = Calibrator.Calibrate(
            _model, [.. _plan.Points.Select(p => new TapRequest(p.Tensor))], _data, new CalibrationSettings(), null, CancellationToken.None);
        _trials = new TrialBuilder(_model, _shapes, _plan, new RangeTable(_statistics, RangeSettings.Default));
    }

    public static TheoryData<int> Subsets => [.. Enumerable.Range(0, 32)];

    [Theory]
    [MemberData(nameof(Subsets))]
    public void A_trial_quantizes_exactly_the_layers_asked_for_with_points_that_were_calibrated(int bits)
    {
        string[] quantized = Subset(bits);
        Trial trial = _trials.BuildOnly(quantized);
        Assert.Equal(quantized, trial.Plan.Layers.Select(l => l.Id));
        Assert.Subset(_plan.Points.Select(p => p.Tensor).ToHashSet(), trial.Plan.Points.Select(p => p.Tensor).ToHashSet());
    }

    [Fact]
    public void Equal_subsets_have_equal_keys_and_different_ones_different_keys()
    {
        string[] keys = [.. Enumerable.Range(0, 32).Select(b => _trials.BuildOnly(Subset(b)).Key)];
        Assert.Equal(32, keys.Distinct().Count());
        TrialBuilder again = new(_model, _shapes, _plan, new RangeTable(_statistics, RangeSettings.Default));
        Assert.Equal(keys, Enumerable.Range(0, 32).Select(b => again.BuildOnly(Subset(b)).Key));
    }

    [Theory]
    [MemberData(nameof(Subsets))]
    public void Float_layers_between_quantized_ones_keep_their_float_weights(int bits)
    {
        OnnxModel emitted = _trials.BuildOnly(Subset(bits)).Emit(_model);
        Assert.Equal(Run(emitted, new SessionSettings { DisabledOptimizers = ["WeightBiasQuantization"] }), Run(emitted, new SessionSettings()));
    }

    [Fact]
    public void Blocks_of_samples_measured_apart_add_up_to_the_whole()
    {
        OnnxModel emitted = _trials.BuildOnly(Subset(0b11011)).Emit(_model);
        double[] whole = new WholeModelError(_model, _data, [0, 2, 3, 5], 1).Measure(emitted, CancellationToken.None);
        WholeModelError objective = new(_model, _data, [0, 2, 3, 5], 1);
        using ModelSession session = ModelSession.Create(emitted, new SessionSettings());
        SampleError[] late = [.. objective.Measure((_, s, o) => session.Run(s, o), 3..4, CancellationToken.None).SelectMany(e => e)];
        Assert.Equal(
            whole,
            SearchObjectives.Get("auto").Errors([.. objective.Measure((_, s, o) => session.Run(s, o), 0..3, CancellationToken.None), late]));
    }

    private string[] Subset(int bits) => [.. _plan.Layers.Where((_, i) => ((bits >> i) & 1) != 0).Select(l => l.Id)];

    private float[] Run(OnnxModel model, SessionSettings settings)
    {
        using ModelSession session = ModelSession.Create(model, settings);
        using RunResult result = session.Run(_data.Read(1));
        return result.Floats(0).ToArray();
    }
}
