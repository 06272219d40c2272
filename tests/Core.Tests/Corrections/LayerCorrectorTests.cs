using QuantCluster.Corrections;
using QuantCluster.Data;
using QuantCluster.Emission;
using QuantCluster.Onnx;
using QuantCluster.Planning;
using QuantCluster.Tests.Planning;

namespace QuantCluster.Tests.Corrections;

public class LayerCorrectorTests
{
    private const LayerCorrection Both = LayerCorrection.Rounding | LayerCorrection.Bias;

    private static readonly int[] Evidence = [.. Enumerable.Range(0, 8)];

    [Theory]
    [InlineData(LayerCorrection.Bias)]
    [InlineData(Both)]
    public void Steps_in_graph_order_make_the_sequential_correction(LayerCorrection correction)
    {
        foreach (OnnxModel model in (OnnxModel[])[Coarse.Convolutions(), Coarse.Residual(), Coarse.Products()])
        {
            IDataset data = model.Graph.Producer("plain") is null ? Coarse.Images(8) : new Coarse.Samples(8, _ => [1, 6, 16], _ => 0.5f);
            Flow flow = Coarse.Of(model, data);
            LayerCorrector corrector = CorrectorOf(flow);
            QuantizationConfiguration stepped = flow.Configuration;
            foreach (Layer layer in flow.Plan.Layers)
                stepped = corrector.Apply(flow.Plan, stepped, layer.Id, correction, CancellationToken.None);
            QuantizationConfiguration walked = new SequentialBiasCorrection(flow.Model, flow.Plan, flow.Data, Evidence, 1)
                .Correct(flow.Configuration, flow.Plan.Layers.Select(l => l.Id).ToHashSet(), correction, CancellationToken.None);
            Assert.Equal(walked.Hash(), stepped.Hash());
        }
    }

    [Fact]
    public void A_step_sees_only_the_error_of_layers_that_are_quantized()
    {
        OnnxModel model = Coarse.Residual();
        IDataset data = Coarse.Images(8);
        Flow whole = Coarse.Of(model, data);
        QuantizationPlan alone = Flow.PlanOf(model, data, new PlanSettings { KeepFloat = whole.Plan.Layers.Select(l => l.Id).Where(l => l != "b").ToHashSet() });
        LayerCorrector corrector = CorrectorOf(whole);
        CorrectedLayer among = corrector.Correct(whole.Plan, whole.Configuration, "b", Both, CancellationToken.None);
        CorrectedLayer first = corrector.Correct(alone, whole.Configuration, "b", Both, CancellationToken.None);
        Assert.NotEqual(among.Bias!, first.Bias!);

        QuantizationConfiguration corrected = corrector.Apply(alone, whole.Configuration, "b", Both, CancellationToken.None);
        Layer layer = alone.Layers.Single();
        double before = Coarse.Shift(model, Emitter.Emit(model, alone, whole.Configuration), layer, data, Evidence);
        double after = Coarse.Shift(model, Emitter.Emit(model, alone, corrected), layer, data, Evidence);
        Assert.True(after < 0.004 && after < before, $"{before} -> {after}");
    }

    [Fact]
    public void What_the_configuration_says_of_layers_behind_plays_no_part()
    {
        Flow flow = Coarse.Of(Coarse.Convolutions(), Coarse.Images(8));
        LayerCorrector corrector = CorrectorOf(flow);
        QuantizationConfiguration later = corrector.Apply(flow.Plan, flow.Configuration, "c", Both, CancellationToken.None);
        Assert.NotEqual(flow.Configuration.Hash(), later.Hash());
        CorrectedLayer one = corrector.Correct(flow.Plan, flow.Configuration, "b", Both, CancellationToken.None);
        CorrectedLayer two = corrector.Correct(flow.Plan, later, "b", Both, CancellationToken.None);
        Assert.Equal(one.Weight.Values, two.Weight.Values);
        Assert.Equal(one.Bias, two.Bias);
    }

    [Fact]
    public void Nothing_asked_for_changes_nothing()
    {
        Flow flow = Coarse.Of(Coarse.Convolutions(), Coarse.Images(8));
        CorrectedLayer none = CorrectorOf(flow).Correct(flow.Plan, flow.Configuration, "b", LayerCorrection.None, CancellationToken.None);
        Assert.Same(flow.Configuration.Weights["b"], none.Weight);
        Assert.Null(none.Bias);
        Assert.Throws<ArgumentException>(() => CorrectorOf(flow).Correct(flow.Plan, flow.Configuration, "none", Both, CancellationToken.None));
    }

    private static LayerCorrector CorrectorOf(Flow flow) => new(flow.Model, flow.Plan, flow.Data, Evidence, 1);
}
