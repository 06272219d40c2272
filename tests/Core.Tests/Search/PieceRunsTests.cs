using QuantCluster.Calibration;
using QuantCluster.Data;
using QuantCluster.Inference;
using QuantCluster.Numerics;
using QuantCluster.Onnx;
using QuantCluster.Planning;
using QuantCluster.Ranges;
using QuantCluster.Search;
using QuantCluster.Search.Configuration;
using QuantCluster.Search.Prefixes;
using QuantCluster.Tests.Planning;
using QuantCluster.Tests.Search.Sensitivity;

namespace QuantCluster.Tests.Search;

public class PieceRunsTests
{
    private readonly OnnxModel _model = SensitivityNetworks.Chain(outlier: 20);
    private readonly IDataset _data;
    private readonly TrialBuilder _builder;
    private readonly IReadOnlyList<string> _cuts;

    public PieceRunsTests()
    {
        _data = Flow.Inputs(_model, 6);
        QuantizationPlan plan = Flow.PlanOf(_model, _data);
        IReadOnlyDictionary<string, TensorShape> shapes = TensorProbe.Observe(_model, _data.Read(0));
        CalibrationStatistics statistics = Calibrator.Calibrate(
            _model, [.. plan.Points.Select(p => new TapRequest(p.Tensor))], _data, new CalibrationSettings(), null, CancellationToken.None);
        _builder = new TrialBuilder(_model, shapes, plan, new RangeTable(statistics, new RangeSettings(), new Dictionary<string, AffineMapping>()));
        _cuts = ModelCuts.Of(_model, shapes, plan.Layers, PieceRuns.Cuts, fewest: 0);
    }

    [Fact]
    public void A_chain_comes_apart_behind_what_belongs_to_a_layer() => Assert.Equal(["a.relu", "b.relu", "c.relu"], _cuts);

    [Fact]
    public void No_cut_is_made_where_a_branch_goes_around_it()
    {
        Network network = new();
        string x = network.Input("x", 1, 4, 8, 8), a = network.Relu("a.relu", network.Conv("a", x, 4, 8));
        string b = network.Relu("b.relu", network.Conv("b", a, 8, 8)), c = network.Conv("c", b, 8, 8);
        string sum = network.Node("Add", "sum", [c, a]);
        OnnxModel model = network.Build(network.Conv("e", network.Relu("d.relu", network.Conv("d", network.Relu("sum.relu", sum), 8, 8)), 8, 8));
        using IDataset data = Flow.Inputs(model, 1);
        IReadOnlyDictionary<string, TensorShape> shapes = TensorProbe.Observe(model, data.Read(0));
        IReadOnlyList<string> cuts = ModelCuts.Of(model, shapes, Flow.PlanOf(model, data).Layers, 8, fewest: 0);
        Assert.Equal(["a.relu", "sum.relu"], cuts);
    }

    [Fact]
    public void A_model_that_is_quickly_run_stays_whole() =>
        Assert.Empty(ModelCuts.Of(_model, _builder.Shapes, _builder.Plan.Layers, PieceRuns.Cuts));

    [Fact]
    public void Pieces_give_what_the_whole_gives_whatever_is_on_integers()
    {
        PieceRuns runs = new(1, new SessionSettings());
        for (int bits = 0; bits < 32; bits++)
        {
            Trial trial = Of(bits);
            using ModelSession whole = ModelSession.Create(trial.Emit(_model), new SessionSettings());
            float[][] expected = [.. Enumerable.Range(0, _data.Count).Select(i =>
            {
                using RunResult result = whole.Run(_data.Read(i));
                return result.Floats(0).ToArray();
            })];
            float[][] found = Run(runs, bits);
            for (int i = 0; i < found.Length; i++)
                Assert.All(expected[i].Zip(found[i]), v => Assert.Equal(v.First, v.Second, 1e-5f));

            // Every cut at integers: not even the last bit may differ.
            if (bits == 31)
                Assert.Equal(expected, found);
        }

        runs.Release();
    }

    [Fact]
    public void A_result_does_not_depend_on_what_was_run_and_kept_before()
    {
        PieceRuns warm = new(1, new SessionSettings()), forgetful = new(1, new SessionSettings(), mostBytes: 0);
        int[] walk = [1, 3, 7, 7 + 8, 7 + 16, 31, 3 + 8, 7, 31, 24, 16, 8, 24];
        foreach (int bits in walk)
        {
            PieceRuns cold = new(1, new SessionSettings());
            float[][] expected = Run(cold, bits);
            Assert.Equal(expected, Run(warm, bits));
            Assert.Equal(expected, Run(forgetful, bits));
            cold.Release();
        }

        warm.Release();
        forgetful.Release();
    }

    [Fact]
    public void A_candidate_that_begins_like_two_before_it_is_run_from_where_it_differs()
    {
        PieceRuns runs = new(1, new SessionSettings());
        Run(runs, 1);
        Run(runs, 1 + 8);
        int emitted = 0;
        float[][] found = Run(runs, 1 + 16, () => emitted++);
        Assert.Equal(1, emitted);
        Assert.Equal(found, Run(runs, 1 + 16, () => emitted++));
        Assert.Equal(1, emitted);
        runs.Release();
    }

    [Fact]
    public void What_was_met_once_has_a_part_of_the_room_and_drives_out_nothing_that_was_met_again()
    {
        KeptActivations kept = new(most: 100);
        Assert.True(kept.Lacks("a"));
        kept.Keep("a", [Tensor(30)]);
        Assert.False(kept.Lacks("a"));
        Assert.NotNull(kept.Find("a"));
        foreach (string own in (string[])["b", "c", "d"])
            kept.Keep(own, [Tensor(10), Tensor(10)]);
        Assert.Equal([false, true, true, false], new[] { "a", "b", "c", "d" }.Select(kept.Lacks));

        // Met for the second time, though it had to go in between.
        kept.Keep("b", [Tensor(20)]);
        kept.Keep("c", [Tensor(20)]);
        kept.Keep("e", [Tensor(20)]);
        Assert.Equal([false, false, false, true, false], new[] { "a", "b", "c", "d", "e" }.Select(kept.Lacks));
    }

    [Fact]
    public void The_least_recently_used_activations_go_first()
    {
        KeptActivations kept = new(most: 100);
        foreach (string name in (string[])["a", "b"])
        {
            kept.Keep(name, [Tensor(30)]);
            Assert.NotNull(kept.Find(name));
        }

        Assert.NotNull(kept.Find("a"));
        kept.Keep("c", [Tensor(30)]);
        Assert.NotNull(kept.Find("c"));
        kept.Keep("d", [Tensor(20)]);
        Assert.Null(kept.Find("b"));
        Assert.NotNull(kept.Find("a"));
        kept.Keep("larger than all", [Tensor(101)]);
        Assert.Null(kept.Find("larger than all"));
        Assert.NotNull(kept.Find("d"));
    }

    [Fact]
    public void Candidates_that_run_the_same_up_to_a_cut_are_known_to_before_they_are_made()
    {
        Beginnings beginnings = new(_model, _cuts);
        string[] one = Names(0b00001), other = Names(0b10001), third = Names(0b00011);
        Assert.Equal(_cuts.Count, one.Distinct().Count());
        Assert.Equal(one, Names(0b00001));

        // The longest comes first: with the second layer float up to there, and no longer with it on integers.
        Assert.Equal(one, other);
        Assert.NotEqual(one[0], third[0]);
        Assert.NotEqual(one[1], third[1]);
        Assert.Empty(Names(0b00110).Intersect(one));

        string[] Names(int bits)
        {
            Trial trial = Of(bits);
            return [.. beginnings.Of(trial, w => trial.Configuration.Weights.Single(n => ReferenceEquals(n.Value, w)).Key)];
        }
    }

    private static DenseTensor Tensor(int bytes) => new(ElementType.UInt8, [bytes], new byte[bytes]);

    private Trial Of(int bits) => _builder.Build(_builder.Plan.Layers
        .Where((_, i) => (bits >> i & 1) == 1).Aggregate(SearchConfiguration.AllFloat, (c, l) => c.With(l.Id, LayerChoice.Int8)));

    private float[][] Run(PieceRuns runs, int bits, Action? emitting = null)
    {
        using BlockRun run = runs.Begin($"{bits}", Emit, _cuts, "all", _data.Count);
        return [.. Enumerable.Range(0, _data.Count).Select(i =>
        {
            using RunResult result = run.Run(i, _data.Read(i), ["scores"]);
            return result.Floats(0).ToArray();
        })];

        OnnxModel Emit()
        {
            emitting?.Invoke();
            return Of(bits).Emit(_model);
        }
    }
}
