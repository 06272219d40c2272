using FsCheck;
using FsCheck.Fluent;
using QuantCluster.Calibration;
using QuantCluster.Corrections;
using QuantCluster.Data;
using QuantCluster.Emission;
using QuantCluster.Inference;
using QuantCluster.Jobs;
using QuantCluster.Numerics;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;
using QuantCluster.Planning;
using QuantCluster.Ranges;
using QuantCluster.Search;
using QuantCluster.Search.Configuration;
using QuantCluster.Tests.Planning;
using QuantCluster.Tests.Search.Sensitivity;

namespace QuantCluster.Tests.Search;

/// <summary>Every precision and granularity as a choice of the search: from the configuration to ONNX Runtime.</summary>
public sealed class LayerPrecisionTests
{
    private static readonly LayerChoice[] Choices =
    [
        LayerChoice.Float,
        .. from precision in new[] { LayerPrecision.WeightOnly, LayerPrecision.Int8, LayerPrecision.Int4Weights }
           from granularity in new[] { WeightGranularity.Channel, WeightGranularity.Tensor }
           select new LayerChoice(precision, granularity),
    ];

    private readonly OnnxModel _model = SensitivityNetworks.Chain();
    private readonly IDataset _data;
    private readonly TrialBuilder _builder;

    public LayerPrecisionTests()
    {
        _data = Flow.Inputs(_model, 6);
        _builder = Builder(_model, _data, new RangeSettings());
    }

    public static TheoryData<LayerPrecision, WeightGranularity> All => new(Choices.Select(c => (c.Precision, c.Granularity)));

    [Fact]
    public void Any_mix_has_one_canonical_form_whatever_the_order_it_was_chosen_in()
    {
        string[] layers = [.. _builder.Plan.Layers.Select(l => l.Id)];
        Gen<int[]> mixes = Gen.Choose(0, Choices.Length - 1).ArrayOf(layers.Length);
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(60), Prop.ForAll(mixes.ToArbitrary(), mixes.ToArbitrary(), (one, other) =>
        {
            SearchConfiguration a = Of(one, layers), b = Of(other, layers), again = layers.Reverse().Aggregate(b, (c, l) => c.With(l, a.Layer(l)));
            Assert.Equal(a, again);
            Assert.Equal(a.Hash, again.Hash);
            Assert.Equal(one.SequenceEqual(other), a.Hash == b.Hash);
            Assert.Equal(a, a.WithoutCorrections());
            Assert.Empty(a.Quantized.Intersect(a.WeightOnly));
        }));
    }

    [Fact]
    public void Any_mix_is_emitted_as_chosen_and_runs_near_float()
    {
        string[] layers = [.. _builder.Plan.Layers.Select(l => l.Id)];
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(30), Prop.ForAll(Gen.Choose(0, Choices.Length - 1).ArrayOf(layers.Length).ToArbitrary(), mix =>
        {
            SearchConfiguration configuration = Of(mix, layers);
            Trial trial = _builder.Build(configuration);
            foreach (string layer in layers)
            {
                // A layer alone among float ones goes back to float, and a weight too small to be worth it stays.
                LayerChoice wanted = configuration.Layer(layer), got = LayerChoice.Of(trial.Plan, trial.Configuration, layer);
                Assert.True(got == wanted || got == LayerChoice.Float, $"{layer}: {got.Canonical()}, not {wanted.Canonical()}");
                Assert.True(!wanted.IsInteger || got == wanted || !_builder.PlanOf(configuration).Layers.Any(l => l.Id == layer));
            }

            OnnxModel emitted = trial.Emit(_model);
            bool four = trial.Configuration.Weights.Values.Any(w => w.Type == IntegerType.Int4);
            Assert.Equal(four, emitted.Graph.Proto.Initializer.Any(i => i.ElementType() == ElementType.Int4));
            Assert.InRange(Flow.Sqnr(_model, emitted, _data), four ? 10 : 25, double.PositiveInfinity);
        }));
    }

    [Theory]
    [MemberData(nameof(All))]
    public void A_layer_has_the_weights_that_its_precision_and_granularity_ask_for(LayerPrecision precision, WeightGranularity granularity)
    {
        LayerChoice choice = new(precision, granularity);
        SearchConfiguration configuration = _builder.All().With("b", choice);
        Trial trial = _builder.Build(configuration);
        TensorProto original = _model.Graph.Initializer("b.w")!;
        GraphProto graph = trial.Emit(_model).Graph.Proto;
        Assert.Equal(choice, LayerChoice.Of(trial.Plan, trial.Configuration, "b"));
        TensorProto? stored = graph.Initializer.SingleOrDefault(i => i.Name is "b.w_quantized" or "b.w_stored");
        Assert.Equal(precision == LayerPrecision.Float, stored is null);
        Assert.Equal(precision == LayerPrecision.Float, graph.Initializer.Any(i => i.Name == "b.w"));
        if (stored is null)
            return;
        Assert.Equal(precision == LayerPrecision.Int4Weights ? ElementType.Int4 : ElementType.Int8, stored.ElementType());
        Assert.Equal(original.Dims, stored.Dims);
        Assert.Equal(granularity == WeightGranularity.Channel ? 8 : 1, graph.Initializer.Single(i => i.Name is "b.w_scale" or "b.w_stored_scale").ElementCount());
        if (choice.IsInteger)
        {
            Layer layer = trial.Plan.Layers.Single(l => l.Id == "b");
            QuantizedWeight nearest = RangeSelection.ChooseWeight(_model, layer, trial.Configuration.Activations[layer.Input].Scale, choice.Applied(new RangeSettings()));
            Assert.Equal(nearest.Values, trial.Configuration.Weights["b"].Values);
            Assert.Equal(nearest.Scales, trial.Configuration.Weights["b"].Scales);
        }
    }

    [Theory]
    [InlineData(LayerPrecision.Int8, WeightGranularity.Channel)]
    [InlineData(LayerPrecision.Int8, WeightGranularity.Tensor)]
    [InlineData(LayerPrecision.Int4Weights, WeightGranularity.Channel)]
    [InlineData(LayerPrecision.Int4Weights, WeightGranularity.Tensor)]
    public void A_correction_keeps_a_layers_precision_and_betters_the_model(LayerPrecision precision, WeightGranularity granularity)
    {
        SearchConfiguration configuration = _builder.Plan.Layers.Aggregate(SearchConfiguration.AllFloat, (c, l) => c.With(l.Id, new LayerChoice(precision, granularity)));
        Trial bare = _builder.Build(configuration);
        LayerCorrector corrector = new(_model, _builder.Plan, _data, [0, 1, 2, 3, 4, 5], 1);
        SearchConfiguration corrected = configuration;
        foreach (Layer layer in _builder.Plan.Layers)
        {
            CorrectedLayer after = corrector.Correct(bare.Plan, _builder.Build(corrected).Configuration, layer.Id, LayerCorrection.Rounding, CancellationToken.None);
            corrected = corrected.With(layer.Id, corrected.Layer(layer.Id).With(LayerCorrection.Rounding, after));
        }

        Trial trial = _builder.Build(corrected);
        Assert.All(_builder.Plan.Layers, l => Assert.Equal(configuration.Layer(l.Id), LayerChoice.Of(trial.Plan, trial.Configuration, l.Id)));
        Assert.NotEqual(configuration, corrected);
        Assert.Equal(configuration, corrected.WithoutCorrections());
        Assert.True(Flow.Sqnr(_model, trial.Emit(_model), _data) > Flow.Sqnr(_model, bare.Emit(_model), _data));
    }

    [Fact]
    public void What_was_asked_for_is_the_standard()
    {
        RangeSettings settings = new() { Weights = IntegerType.Int4, PerChannel = false };
        TrialBuilder builder = Builder(_model, _data, settings);
        Assert.Equal(new LayerChoice(LayerPrecision.Int4Weights, WeightGranularity.Tensor), builder.Standard);
        Trial trial = builder.BuildOnly(builder.Plan.Layers.Select(l => l.Id));
        Assert.All(trial.Configuration.Weights.Values, w => Assert.Equal((IntegerType.Int4, -1), (w.Type, w.Axis)));
        Assert.Equal(LayerChoice.Int8, _builder.Standard);
    }

    [Fact]
    public void A_weight_that_two_layers_read_is_stored_for_both_or_not_at_all()
    {
        OnnxModel model = Networks.OfSharedWeight();
        TrialBuilder builder = Builder(model, Flow.Inputs(model, 4), new RangeSettings());
        SearchConfiguration c = SearchConfiguration.AllFloat.With("c", LayerChoice.Int8), one = c.With("a", LayerChoice.WeightOnly), both = one.With("b", LayerChoice.WeightOnly);
        Assert.Empty(builder.Build(one).Configuration.WeightOnly);
        Assert.Empty(builder.Build(both.With("b", new LayerChoice(LayerPrecision.WeightOnly, WeightGranularity.Tensor))).Configuration.WeightOnly);
        Assert.Equal(["a", "b"], builder.Build(both).Configuration.WeightOnly.Keys);
        Assert.Empty(builder.Build(both.With("b", LayerChoice.Int8)).Configuration.WeightOnly);
    }

    [Fact]
    public void Precisions_are_told_with_the_granularity_where_it_is_not_the_usual_one()
    {
        Assert.Equal(
            ["float", "float with int8 weights", "float with int8 weights", "int8", "int8, per tensor", "int8 with int4 weights", "int8 with int4 weights, per tensor"],
            Choices.Select(c => c.Told()));
        Assert.Equal("int8", new LayerChoice(LayerPrecision.Int8, WeightGranularity.Tensor).Told(WeightGranularity.Tensor));
    }

    private static SearchConfiguration Of(int[] mix, string[] layers) =>
        layers.Zip(mix).Aggregate(SearchConfiguration.AllFloat, (c, l) => c.With(l.First, Choices[l.Second]));

    private static TrialBuilder Builder(OnnxModel model, IDataset data, RangeSettings settings)
    {
        QuantizationPlan plan = Flow.PlanOf(model, data);
        CalibrationStatistics statistics = Calibrator.Calibrate(
            model, [.. plan.Points.Select(p => new TapRequest(p.Tensor))], data, new CalibrationSettings(), null, CancellationToken.None);
        return new TrialBuilder(model, TensorProbe.Observe(model, data.Read(0)), plan, new RangeTable(statistics, settings));
    }
}
