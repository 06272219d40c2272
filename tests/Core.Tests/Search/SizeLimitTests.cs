using FsCheck;
using FsCheck.Fluent;
using QuantCluster.Corrections;
using QuantCluster.Emission;
using QuantCluster.Jobs;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;
using QuantCluster.Search;
using QuantCluster.Search.Configuration;
using QuantCluster.Search.Precision;
using QuantCluster.Tests.Planning;

namespace QuantCluster.Tests.Search;

/// <summary>Sizes that are foretold, and the ways by which a search comes to keep to one.</summary>
public sealed class SizeLimitTests
{
    private static readonly SearchSettings Settings = new() { Corrections = LayerCorrection.None, Trials = int.MaxValue };

    private readonly OrderWalk _walk = new(Chain(ill: "b"));

    private TrialBuilder Builder => _walk.Builder;

    [Fact]
    public void The_size_of_any_mix_is_foretold_within_two_percent()
    {
        LayerChoice[] choices =
        [
            LayerChoice.Float, LayerChoice.WeightOnly, LayerChoice.Int8, LayerChoice.Int4Weights,
            new LayerChoice(LayerPrecision.Int8, WeightGranularity.Tensor), new LayerChoice(LayerPrecision.Int4Weights, WeightGranularity.Tensor),
        ];
        string[] layers = [.. Builder.Plan.Layers.Select(l => l.Id)];
        ModelSize size = new(Builder.Prepared, Builder.BuildOnly(layers));
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(40), Prop.ForAll(Gen.Choose(0, choices.Length - 1).ArrayOf(layers.Length).ToArbitrary(), mix =>
        {
            Trial trial = Builder.Build(layers.Zip(mix).Aggregate(SearchConfiguration.AllFloat, (c, l) => c.With(l.First, choices[l.Second])));
            OnnxModel emitted = trial.Emit(Builder.Prepared);
            if (trial.Plan.Layers.Count == 0)
                return;
            AlignedChannels.Apply(emitted, trial.Plan);
            double bytes = emitted.ToBytes().Length;
            Assert.InRange(size.Of(trial) / bytes, 0.98, 1.02);
        }));
    }

    [Fact]
    public async Task The_walk_takes_bits_from_the_layers_that_err_least_by_it_until_the_size_is_kept()
    {
        SearchConfiguration start = Builder.All();
        SizeLimit limit = LimitOf(start, share: 0.85);
        SizeWalk walk = new(Builder, limit, _walk, _walk.Ledger, Settings, Budget());
        SearchConfiguration? reached = await walk.RunAsync(start, default);
        Assert.True(limit.Permits(Builder.Build(reached!)));
        Assert.Equal(LayerPrecision.Int8, reached!.Layer("b").Precision);
        Assert.Contains(reached.Quantized, l => reached.Layer(l).Precision == LayerPrecision.Int4Weights);

        // Nothing that was given up without need.
        Assert.DoesNotContain(reached.Quantized.SelectMany(l => limit.Moves.Up(reached, l)), m => limit.Permits(Builder.Build(m.After)));
        Assert.Null(await new SizeWalk(Builder, LimitOf(start, share: 0.2), _walk, _walk.Ledger, Settings, Budget()).RunAsync(start, default));
    }

    [Fact]
    public async Task Where_trials_run_short_the_rest_is_saved_by_what_steps_were_last_seen_to_cost()
    {
        SearchConfiguration start = Builder.All();
        SizeLimit limit = LimitOf(start, share: 0.75);
        SearchSettings few = Settings with { Trials = 25 };
        SearchConfiguration? reached = await new SizeWalk(Builder, limit, _walk, _walk.Ledger, few, new SearchBudget(few, () => 0, default)).RunAsync(start, default);
        Assert.True(limit.Permits(Builder.Build(reached!)));
        Assert.InRange(_walk.Ledger.Count, 1, 25);
        SearchSettings none = Settings with { Trials = _walk.Ledger.Count };
        Assert.Null(await new SizeWalk(Builder, limit, _walk, _walk.Ledger, none, new SearchBudget(none, () => 0, default)).RunAsync(start, default));
    }

    [Fact]
    public async Task Two_layers_exchange_their_bits_where_that_is_better()
    {
        SearchConfiguration planted = Builder.All().With("b", LayerChoice.Int4Weights);
        SizeLimit limit = LimitOf(planted, share: 1.01);
        Allowance allowance = new(new TimeEstimate(Builder.Prepared, Builder.Shapes, Builder.Plan), Builder.Plan, Settings, limit);
        CoordinateDescent descent = new(
            Builder, allowance, new PrecisionExchanges(Builder, limit, _walk, Settings, _ => 1), _walk, _walk.Ledger, Settings, Budget(), null);
        Trial trial = Builder.Build(planted);
        double[] errors = (await _walk.Ledger.RaceAsync([[trial]], default))[0][0]!;
        List<SearchPoint> accepted = [];
        Assert.True(await descent.RunAsync(new SearchPoint("start", planted, trial, errors, 0), [.. Builder.Plan.Layers.Select(l => l.Id)], accepted.Add, default));
        Assert.All(accepted, p => Assert.True(limit.Permits(p.Trial)));
        SearchConfiguration after = accepted[^1].Configuration;
        Assert.Equal(LayerPrecision.Int8, after.Layer("b").Precision);
        Assert.Contains(after.Quantized, l => l != "b" && after.Layer(l).Precision == LayerPrecision.Int4Weights);
        Assert.True(accepted[^1].SearchErrors.Average() < errors.Average());
    }

    [Fact]
    public void Steps_are_taken_by_their_cost_for_a_byte_and_none_that_is_not_needed()
    {
        PrecisionMove Move(string layer, long saved) => new(layer, LayerChoice.Int4Weights, SearchConfiguration.AllFloat, saved);
        Dictionary<string, double> costs = new() { ["small"] = 0.1, ["large"] = 2, ["huge"] = 9, ["harmful"] = 9 };
        PrecisionMove[] moves = [Move("huge", 3000), Move("small", 100), Move("large", 1000), Move("harmful", 90)];
        double CostOf(PrecisionMove m) => costs[m.Layer];
        Assert.Equal(["small"], StepSets.Cheapest(moves, CostOf, 80).Select(m => m.Layer));
        Assert.Equal(["large"], StepSets.Cheapest(moves, CostOf, 900).Select(m => m.Layer));
        Assert.Equal(["small", "large"], StepSets.Cheapest(moves, CostOf, 1050).Select(m => m.Layer));
        Assert.Equal(4, StepSets.Cheapest(moves, CostOf, 9000).Count);
        Assert.Equal("large", StepSets.Single(moves, CostOf, 500)!.Layer);
        Assert.Null(StepSets.Single(moves, CostOf, 5000));
    }

    [Fact]
    public void A_chain_gives_a_layer_more_bits_only_where_the_whole_keeps_to_the_size()
    {
        SearchConfiguration whole = Builder.Plan.Layers.Aggregate(SearchConfiguration.AllFloat, (c, l) => c.With(l.Id, LayerChoice.Int4Weights));
        SearchConfiguration first = SearchConfiguration.AllFloat.With("a", LayerChoice.Int4Weights);
        Assert.Equal(first, new ChainTarget(Builder, whole, null).Extend(SearchConfiguration.AllFloat, ["a"]));
        Assert.Empty(new ChainTarget(Builder, whole, LimitOf(whole, share: 1.01)).Alternatives(first, ["a"]));
        SearchConfiguration other = Assert.Single(new ChainTarget(Builder, whole, LimitOf(whole, share: 1.5)).Alternatives(first, ["a"]));
        Assert.Equal(SearchConfiguration.AllFloat.With("a", LayerChoice.Int8), other);
    }

    /// <summary>Convolutions of equal size; 4 bits hold the weights of all but one exactly.</summary>
    private static OnnxModel Chain(string ill)
    {
        OnnxModel model = Networks.OfConvolutions("a", "b", "c", "d");
        foreach (TensorProto weight in model.Graph.Proto.Initializer.Where(i => i.Name.EndsWith(".w", StringComparison.Ordinal) && i.Name != ill + ".w"))
        {
            float[][] channels = [.. weight.ToFloats().Chunk(288)];
            float[] values = [.. channels.SelectMany(c => c.Select(v => MathF.Round(7 * v / c.Max(MathF.Abs)) * c.Max(MathF.Abs) / 7))];
            weight.RawData = Tensors.FromFloats(weight.Name, weight.Dims, values).RawData;
        }

        return model;
    }

    private static SearchBudget Budget() => new(Settings, () => 0, default);

    private SizeLimit LimitOf(SearchConfiguration configuration, double share)
    {
        Trial trial = Builder.Build(configuration);
        ModelSize size = new(Builder.Prepared, trial);
        return new SizeLimit(size, new PrecisionMoves(Builder, size, fourBits: true, stores: true), share * size.Of(trial));
    }
}
