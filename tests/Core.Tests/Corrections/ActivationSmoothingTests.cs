using QuantCluster.Corrections;
using QuantCluster.Emission;
using QuantCluster.Jobs.Stages;
using QuantCluster.Planning;
using QuantCluster.Ranges;
using QuantCluster.Tests.Planning;

namespace QuantCluster.Tests.Corrections;

public class ActivationSmoothingTests
{
    private static readonly RangeSettings Ranges = new() { Method = "minmax" };

    private static readonly int[] Evidence = [.. Enumerable.Range(0, 24)];

    [Theory]
    [InlineData("LayerNormalization", false)]
    [InlineData("affine", false)]
    [InlineData("affine", true)]
    public void Channels_of_very_different_size_lose_less(string normalization, bool residual)
    {
        Flow flow = Flow.Of(Transformers.Attention(normalization, residual), Transformers.Data(36), Ranges);
        ActivationSmoothing smoothing = Measure(flow);
        foreach (Smoothing way in (Smoothing[])[smoothing.Uniform(0.5, 1.1, multiplied: true), smoothing.Local(multiplied: true, CancellationToken.None)])
        {
            Flow smoothed = flow with { Configuration = smoothing.Apply(way, allData: true, CancellationToken.None) };
            double plain = Flow.Sqnr(flow.Model, flow.Emit(), flow.Data), smooth = Flow.Sqnr(flow.Model, smoothed.Emit(), flow.Data);
            Assert.True(smooth > plain + 1.5, $"{way.Name}: {plain:F1} dB, smoothed {smooth:F1} dB");
            smoothed.AssertIntegerKernels();
        }
    }

    [Fact]
    public void Nothing_is_multiplied_at_run_time_unless_allowed()
    {
        Flow flow = Flow.Of(Transformers.Attention("affine", residual: true), Transformers.Data(36), Ranges);
        ActivationSmoothing smoothing = Measure(flow);
        QuantizationConfiguration free = smoothing.Apply(smoothing.Uniform(0.5, 1, multiplied: false), true, CancellationToken.None);
        Assert.Equal(["joined"], free.Scalings.Select(s => s.Tensor));
        int Products(QuantizationConfiguration configuration) => Emitter.Emit(flow.Model, flow.Plan, configuration).Graph.Nodes.Count(n => n.OpType == "Mul");
        Assert.Equal(Products(flow.Configuration), Products(free));
    }

    [Fact]
    public void A_smoothed_configuration_survives_its_file_and_emits_the_same_bytes()
    {
        Flow flow = Flow.Of(Transformers.Attention("affine", residual: true), Transformers.Data(36), Ranges);
        ActivationSmoothing smoothing = Measure(flow);
        QuantizationConfiguration smoothed = smoothing.Apply(smoothing.Uniform(0.5, 1, multiplied: true), true, CancellationToken.None);
        QuantizationConfiguration back = ConfigurationFile.Parse(ConfigurationFile.ToBytes(smoothed));
        Assert.Equal(smoothed.Hash(), back.Hash());
        Assert.NotEqual(smoothed.Hash(), (smoothed with { Scalings = [] }).Hash());
        Assert.Equal(Emitter.Emit(flow.Model, flow.Plan, smoothed).ToBytes(), Emitter.Emit(flow.Model, flow.Plan, back).ToBytes());
    }

    [Fact]
    public void Corrections_of_a_smoothed_model_aim_at_its_own_layers()
    {
        Flow flow = Flow.Of(Transformers.Attention("affine", residual: true), Transformers.Data(36), Ranges);
        ActivationSmoothing smoothing = Measure(flow);
        QuantizationConfiguration smoothed = smoothing.Apply(smoothing.Uniform(0.5, 1, multiplied: true), true, CancellationToken.None);
        QuantizationConfiguration walked = new SequentialBiasCorrection(flow.Model, flow.Plan, flow.Data, Evidence, 1)
            .Correct(smoothed, flow.Plan.Layers.Select(l => l.Id).ToHashSet(), LayerCorrection.Rounding | LayerCorrection.Bias, CancellationToken.None);
        LayerCorrector corrector = new(flow.Model, flow.Plan, flow.Data, Evidence, 1);
        QuantizationConfiguration stepped = smoothed;
        foreach (Layer layer in flow.Plan.Layers)
            stepped = corrector.Apply(flow.Plan, stepped, layer.Id, LayerCorrection.Rounding | LayerCorrection.Bias, CancellationToken.None);
        Assert.Equal(walked.Hash(), stepped.Hash());
        double before = Flow.Sqnr(flow.Model, Emitter.Emit(flow.Model, flow.Plan, smoothed), flow.Data);
        double after = Flow.Sqnr(flow.Model, Emitter.Emit(flow.Model, flow.Plan, walked), flow.Data);
        // With the means of the model as it was, biases would be far off.
        Assert.True(after > before - 2, $"{before:F1} -> {after:F1} dB");
    }

    [Fact]
    public void A_scaled_model_is_exact_whichever_layers_stay_float()
    {
        Flow flow = Flow.Of(Transformers.Attention("affine", residual: true), Transformers.Data(36), Ranges);
        ActivationSmoothing smoothing = Measure(flow);
        QuantizationConfiguration smoothed = smoothing.Apply(smoothing.Uniform(0.5, 1, multiplied: true), true, CancellationToken.None);
        double whole = Flow.Sqnr(flow.Model, Emitter.Emit(flow.Model, flow.Plan, smoothed), flow.Data);
        foreach (string kept in flow.Plan.Layers.Select(l => l.Id))
        {
            QuantizationPlan plan = Flow.PlanOf(flow.Model, flow.Data, new PlanSettings { KeepFloat = new HashSet<string> { kept } });
            double part = Flow.Sqnr(flow.Model, Emitter.Emit(flow.Model, plan, smoothed), flow.Data);
            Assert.True(part > whole - 3, $"{kept} float: {part:F1} dB, all quantized {whole:F1} dB");
        }
    }

    [Fact]
    public void Smoothing_is_chosen_where_held_back_samples_say_so_and_threads_change_nothing()
    {
        Flow flow = Flow.Of(Transformers.Attention("affine"), Transformers.Data(36), Ranges);
        CorrectionResult Choose(int threads) => CorrectionChoice.Choose(
            flow.Model, flow.Plan, flow.Configuration, flow.Data, new CorrectionSettings { Ranges = Ranges, Threads = threads }, CancellationToken.None);
        CorrectionResult chosen = Choose(1);
        Assert.Contains(chosen.Trials, t => t.Kept && t.Name.StartsWith("smoothed inputs", StringComparison.Ordinal));
        Assert.NotEmpty(chosen.Configuration.Scalings);
        Assert.Equal(chosen.Configuration.Hash(), Choose(3).Configuration.Hash());
        CorrectionResult unasked = CorrectionChoice.Choose(
            flow.Model, flow.Plan, flow.Configuration, flow.Data, new CorrectionSettings { Mode = CorrectionMode.Smooth, Ranges = Ranges }, CancellationToken.None);
        Assert.NotEmpty(unasked.Configuration.Scalings);
    }

    [Fact]
    public void Scaled_tensors_are_known()
    {
        Flow flow = Flow.Of(Transformers.Attention("affine"), Transformers.Data(36), Ranges);
        ActivationSmoothing smoothing = Measure(flow);
        QuantizationConfiguration smoothed = smoothing.Apply(smoothing.Uniform(0.5, 1, multiplied: true), true, CancellationToken.None);
        HashSet<string> scaled = ScaledTensors.Between(flow.Model, flow.Plan, flow.Configuration, smoothed);
        Assert.Contains("n", scaled);
        Assert.Contains("n_scaled", scaled);
        Assert.Contains("mixed", scaled);
        Assert.DoesNotContain("q", scaled);
    }

    private static ActivationSmoothing Measure(Flow flow) =>
        ActivationSmoothing.Measure(flow.Model, flow.Plan, flow.Configuration, flow.Data, Evidence, Ranges, 1, CancellationToken.None)!;
}
