using QuantCluster.Corrections;
using QuantCluster.Data;
using QuantCluster.Onnx;
using QuantCluster.Search;
using QuantCluster.Tests.Planning;

namespace QuantCluster.Tests.Corrections;

public class CorrectionChoiceTests
{
    [Fact]
    public void A_model_that_gives_no_floats_cannot_be_judged_and_is_left_as_it_is()
    {
        Network network = new();
        string logits = network.Gemm("logits", network.Input("x", 3, 8), 8, 4);
        network.Node("ArgMax", "y", [logits]);
        OnnxModel model = network.Build();
        model.Graph.Proto.Output.Add(Network.Value("y", ElementType.Int64, null));
        model.Graph.Reindex();
        Flow flow = Flow.Of(model, Flow.Inputs(model, 9));
        Assert.Same(flow.Configuration, Choose(flow, new CorrectionSettings()).Configuration);
    }

    [Fact]
    public void A_correction_that_helps_on_held_back_samples_is_kept_for_every_layer()
    {
        Flow flow = Coarse.Of(Coarse.Convolutions(), Coarse.Images(18));
        CorrectionResult result = Choose(flow, new CorrectionSettings());
        Assert.Equal(["a", "b", "c", "y"], result.CorrectedLayers);
        Assert.Equal(result.CorrectedLayers, result.Configuration.Biases.Keys.Order());
        Assert.Equal(["none", "bias of all 4 layers", "rounding and bias of all 4 layers"], result.Trials.Select(t => t.Name).Take(3));
        Assert.True(result.Trials[1].Kept);
        Assert.True(result.Trials[1].Error < result.Trials[0].Error);
    }

    [Fact]
    public void A_correction_that_harms_on_held_back_samples_is_dropped()
    {
        // Every third sample judges: those are the other side of zero, so that what helps the rest harms them.
        Flow flow = Flipped();
        CorrectionResult result = Choose(flow, new CorrectionSettings());
        Assert.Same(flow.Configuration, result.Configuration);
        Assert.Empty(result.CorrectedLayers);
        Assert.Equal("none", result.Trials[0].Name);
        Assert.All(result.Trials.Skip(1), t => Assert.False(t.Kept));
        Assert.True(result.Trials[1].Error > result.Trials[0].Error);
    }

    [Fact]
    public void A_stretch_of_layers_is_kept_alone_where_the_whole_does_not_help()
    {
        CorrectionResult result = Choose(Both(), new CorrectionSettings { Stretches = 2 });
        Assert.Equal(["steady"], result.CorrectedLayers);
        Assert.Equal(["none", "bias of all 2 layers", "bias of 1 layers from flipped", "bias of 1 layers from steady"], result.Trials.Select(t => t.Name));
        Assert.Equal([true, false, false, true], result.Trials.Select(t => t.Kept));
        Assert.Equal(["steady"], result.Configuration.Biases.Keys);
    }

    [Fact]
    public void The_choice_is_the_same_every_time_and_with_any_threads()
    {
        Flow flow = Coarse.Of(Coarse.Residual(), Coarse.Images(12));
        CorrectionResult one = Choose(flow, new CorrectionSettings()), two = Choose(flow, new CorrectionSettings { Threads = 2 });
        Assert.Equal(one.Configuration.Hash(), two.Configuration.Hash());
        Assert.Equal(one.Trials, two.Trials);
    }

    [Fact]
    public void With_too_few_samples_to_judge_nothing_is_corrected_unless_asked_for()
    {
        Flow flow = Coarse.Of(Coarse.Convolutions(), Coarse.Images(5));
        Assert.Same(flow.Configuration, Choose(flow, new CorrectionSettings()).Configuration);
        CorrectionResult asked = Choose(flow, new CorrectionSettings { Mode = CorrectionMode.Bias });
        Assert.Equal(["a", "b", "c", "y"], asked.CorrectedLayers);
        Assert.Empty(asked.Trials);
        Assert.Same(flow.Configuration, Choose(flow, new CorrectionSettings { Mode = CorrectionMode.None }).Configuration);
    }

    [Fact]
    public void A_model_with_nothing_to_correct_is_left_as_it_is()
    {
        Network network = new();
        OnnxModel model = network.Build(network.MatMul("y", network.Input("x", 1, 4, 8), 8, 4));
        Flow flow = Flow.Of(model, Flow.Inputs(model, 9));
        Assert.Same(flow.Configuration, Choose(flow, new CorrectionSettings()).Configuration);
    }

    [Fact]
    public void A_choice_can_be_cancelled()
    {
        Flow flow = Coarse.Of(Coarse.Convolutions(), Coarse.Images(9));
        Assert.Throws<OperationCanceledException>(() =>
            CorrectionChoice.Choose(flow.Model, flow.Plan, flow.Configuration, flow.Data, new CorrectionSettings(), new CancellationToken(true)));
    }

    [Theory]
    [InlineData(5, 0, 5)]
    [InlineData(6, 2, 4)]
    [InlineData(7, 3, 4)]
    [InlineData(30, 10, 20)]
    [InlineData(1000, 24, 24)]
    public void Samples_are_shared_out_between_evidence_and_judgement(int count, int judging, int evidence)
    {
        (int[] e, int[] v) = CorrectionChoice.Split(count, 16e9, new CorrectionSettings());
        Assert.Equal((judging, evidence), (v.Length, e.Length));
        Assert.Empty(e.Intersect(v));
        Assert.All(e.Concat(v), i => Assert.InRange(i, 0, count - 1));
        Assert.Equal(e.Length + v.Length, e.Concat(v).Distinct().Count());
        Assert.Equal((0, count), CorrectionChoice.Split(count, 1, new CorrectionSettings { Mode = CorrectionMode.Bias, EvidenceSamples = 2000 }) is var all ? (all.Validation.Length, all.Evidence.Length) : default);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(5)]
    public void Samples_that_take_turns_are_all_among_those_that_judge(int period)
    {
        (int[] _, int[] judging) = CorrectionChoice.Split(48, 1, new CorrectionSettings());
        Assert.Equal(period, judging.Select(i => i % period).Distinct().Count());
    }

    [Fact]
    public void Cheap_models_are_judged_on_more_samples()
    {
        Assert.Equal(24, CorrectionSettings.SamplesFor(4e9));
        Assert.Equal(128, CorrectionSettings.SamplesFor(1e6));
        Assert.Equal(128, CorrectionSettings.SamplesFor(0));
        Assert.Equal(32, CorrectionSettings.SamplesFor(0.5e9));
    }

    private static CorrectionResult Choose(Flow flow, CorrectionSettings settings) =>
        CorrectionChoice.Choose(flow.Model, flow.Plan, flow.Configuration, flow.Data, settings, CancellationToken.None);

    private static Flow Flipped()
    {
        Network network = new(9);
        OnnxModel model = network.Build(network.Bias("y", network.MatMul("product", network.Input("x", 1, 6, 16), 16, 8), 8));
        return Coarse.Of(model, new Coarse.Samples(18, _ => [1, 6, 16], i => SampleSplit.IsHeldBack(i) ? -2 : 2));
    }

    /// <summary>Two products side by side, of one column, which rounding leaves alone; the input of one changes sides on the samples that judge.</summary>
    private static Flow Both()
    {
        Network network = new(9);
        string flipping = network.Gemm("flipped", network.Input("flipping", 1, 1), 1, 24);
        string steady = network.Gemm("steady", network.Input("quiet", 1, 1), 1, 24);
        return Coarse.Of(network.Build(flipping, steady), new Pair());
    }

    private sealed class Pair : IDataset
    {
        private readonly Coarse.Samples _flipping = new(36, _ => [1, 1], i => SampleSplit.IsHeldBack(i) ? -4 : 4, "flipping");
        private readonly Coarse.Samples _steady = new(36, _ => [1, 1], _ => 4, "quiet");

        public int Count => 36;

        public Sample Read(int index) => new(index, _flipping.Read(index).Inputs.Concat(_steady.Read(index).Inputs).ToDictionary());

        public void Dispose()
        {
        }
    }
}
