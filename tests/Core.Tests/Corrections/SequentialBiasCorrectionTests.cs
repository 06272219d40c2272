using QuantCluster.Corrections;
using QuantCluster.Data;
using QuantCluster.Emission;
using QuantCluster.Onnx;
using QuantCluster.Planning;
using QuantCluster.Tests.Planning;

namespace QuantCluster.Tests.Corrections;

public class SequentialBiasCorrectionTests
{
    private static readonly int[] Evidence = [.. Enumerable.Range(0, 10)];

    [Theory]
    [InlineData("convolutions")]
    [InlineData("residual")]
    [InlineData("products")]
    [InlineData("products of several lengths")]
    public void Every_layers_mean_output_becomes_the_float_models(string kind)
    {
        (OnnxModel model, IDataset data) = kind switch
        {
            "convolutions" => (Coarse.Convolutions(), Coarse.Images(10)),
            "residual" => (Coarse.Residual(), Coarse.Images(10)),
            "products" => (Coarse.Products(), new Coarse.Samples(10, _ => [1, 6, 16], _ => 0.5f)),
            _ => (Coarse.Products(-1), new Coarse.Samples(10, i => [1, 3 + (i % 3), 16], _ => 0.5f)),
        };
        Flow flow = Coarse.Of(model, data);
        Flow corrected = Correct(flow, [.. flow.Plan.Layers.Select(l => l.Id)]);
        OnnxModel before = flow.Emit(), after = corrected.Emit();
        double worst = 0;
        foreach (Layer layer in flow.Plan.Layers.Where(SequentialBiasCorrection.CanCorrect))
        {
            double was = Coarse.Shift(model, before, layer, data, Evidence), now = Coarse.Shift(model, after, layer, data, Evidence);
            worst = Math.Max(worst, was);
            // An INT32 bias has steps of its own, and fused kernels round differently from this simulation now and then.
            Assert.True(now < 0.004 && now < Math.Max(was, 0.001), $"{layer.Id}: {was} -> {now}");
        }

        Assert.True(worst > 0.02, $"too little to correct: {worst}");
        Assert.True(Flow.Sqnr(model, after, data) > Flow.Sqnr(model, before, data) + 0.1);
    }

    [Fact]
    public void Only_the_layers_asked_for_change()
    {
        Flow flow = Coarse.Of(Coarse.Convolutions(), Coarse.Images(10));
        Flow corrected = Correct(flow, "c");
        Assert.Equal(["c"], corrected.Configuration.Biases.Keys);
        Sample sample = flow.Data.Read(0);
        float[][] before = Flow.Run(flow.Emit(), sample, "cb_DequantizeLinear", "c_DequantizeLinear");
        float[][] after = Flow.Run(corrected.Emit(), sample, "cb_DequantizeLinear", "c_DequantizeLinear");
        Assert.Equal(before[0], after[0]);
        Assert.NotEqual(before[1], after[1]);
    }

    [Fact]
    public void A_layers_correction_does_not_depend_on_the_layers_behind_it()
    {
        Flow flow = Coarse.Of(Coarse.Residual(), Coarse.Images(6));
        string[] all = [.. flow.Plan.Layers.Select(l => l.Id)];
        Flow whole = Correct(flow, all), start = Correct(flow, all[..2]);
        foreach (string layer in all[..2])
            Assert.Equal(whole.Configuration.Biases[layer], start.Configuration.Biases[layer]);
    }

    [Fact]
    public void Correcting_again_changes_nothing()
    {
        Flow flow = Coarse.Of(Coarse.Convolutions(), Coarse.Images(6));
        string[] all = [.. flow.Plan.Layers.Select(l => l.Id)];
        Flow once = Correct(flow, all), twice = Correct(once, all);
        Assert.Equal(once.Configuration.Hash(), twice.Configuration.Hash());
    }

    [Fact]
    public void A_product_without_bias_is_left_as_it_is()
    {
        Flow flow = Coarse.Of(Coarse.Products(), new Coarse.Samples(6, _ => [1, 6, 16], _ => 0.5f));
        Layer plain = flow.Plan.Layers.Single(l => l.Id == "plain");
        Assert.False(SequentialBiasCorrection.CanCorrect(plain));
        Assert.Same(flow.Configuration, Correct(flow, "plain").Configuration);
        Assert.Equal(["a", "b"], Correct(flow, "a", "plain", "b").Configuration.Biases.Keys.Order());
    }

    [Fact]
    public void Threads_do_not_change_a_bit()
    {
        Flow flow = Coarse.Of(Coarse.Residual(), Coarse.Images(6));
        string[] all = [.. flow.Plan.Layers.Select(l => l.Id)];
        string one = Correct(flow, 1, all).Configuration.Hash();
        Assert.Equal(one, Correct(flow, 3, all).Configuration.Hash());
        Assert.Equal(one, Correct(flow, 1, all).Configuration.Hash());
    }

    [Fact]
    public void A_correction_can_be_cancelled()
    {
        Flow flow = Coarse.Of(Coarse.Convolutions(), Coarse.Images(6));
        using CancellationTokenSource source = new();
        source.Cancel();
        SequentialBiasCorrection correction = new(flow.Model, flow.Plan, flow.Data, [0, 1], 1);
        Assert.Throws<OperationCanceledException>(() => correction.Correct(flow.Configuration, new HashSet<string> { "a" }, LayerCorrection.Bias, source.Token));
    }

    private static Flow Correct(Flow flow, params string[] layers) => Correct(flow, 1, layers);

    private static Flow Correct(Flow flow, int threads, params string[] layers)
    {
        int[] samples = [.. Evidence.Where(i => i < flow.Data.Count)];
        SequentialBiasCorrection correction = new(flow.Model, flow.Plan, flow.Data, samples, threads);
        QuantizationConfiguration corrected = correction.Correct(flow.Configuration, layers.ToHashSet(), LayerCorrection.Bias, CancellationToken.None);
        return flow with { Configuration = corrected };
    }
}
