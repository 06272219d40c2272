using QuantCluster.Data;
using QuantCluster.Emission;
using QuantCluster.Numerics;
using QuantCluster.Onnx;
using QuantCluster.Planning;
using QuantCluster.Ranges;
using QuantCluster.Search;

namespace QuantCluster.Corrections;

/// <summary>Which corrections to apply.</summary>
public enum CorrectionMode
{
    /// <summary>What of the others lowers the whole model's error on samples held back for that.</summary>
    Auto,

    None,

    /// <summary>Bias correction of every layer, unasked.</summary>
    Bias,

    /// <summary>Hessian-aware rounding, then bias correction, of every layer, unasked.</summary>
    Hessian,

    /// <summary>Equalized channels, then Hessian-aware rounding and bias correction, unasked.</summary>
    Equalize,

    /// <summary>Smoothed inputs of matrix products, then Hessian-aware rounding and bias correction, unasked.</summary>
    Smooth,
}

public sealed record CorrectionSettings
{
    public CorrectionMode Mode { get; init; } = CorrectionMode.Auto;

    /// <summary>Samples the means are taken over, at most; 0 chooses by the model's size.</summary>
    public int EvidenceSamples { get; init; }

    /// <summary>Samples held back to judge by, at most; 0 chooses by the model's size.</summary>
    public int ValidationSamples { get; init; }

    /// <summary>Stretches of layers that are judged by themselves when the whole is not better.</summary>
    public int Stretches { get; init; } = 3;

    /// <summary>
    /// A stretch must be better by this many standard errors of the paired difference. Correcting every layer is
    /// what usually helps: it only has to be better.
    /// </summary>
    public double StandardErrors { get; init; } = 1;

    /// <summary>How weights are mapped where a correction makes them anew.</summary>
    public RangeSettings Ranges { get; init; } = RangeSettings.Default;

    public int Threads { get; init; } = 1;

    /// <summary>Samples for a model of this many multiply-accumulates a sample: more where they are cheap, 24 to 128.</summary>
    internal static int SamplesFor(double multiplyAccumulates) => (int)Math.Clamp(16e9 / Math.Max(1, multiplyAccumulates), 24, 128);
}

/// <summary>One candidate that was judged.</summary>
/// <param name="Name">What was corrected.</param>
/// <param name="Error">Mean error on the held-back samples (<see cref="WholeModelError"/>).</param>
/// <param name="Kept">Whether it became the best so far.</param>
public sealed record CorrectionTrial(string Name, double Error, bool Kept);

/// <param name="Configuration">With the biases and the weights' integers that were kept.</param>
/// <param name="CorrectedLayers">Ids, in graph order.</param>
/// <param name="Trials">Empty unless the mode is <see cref="CorrectionMode.Auto"/>.</param>
public sealed record CorrectionResult(
    QuantizationConfiguration Configuration, IReadOnlyList<string> CorrectedLayers, IReadOnlyList<CorrectionTrial> Trials);

/// <summary>
/// Keeps a correction only where it helps: it is a candidate to be validated, not a rule (it can double a model's
/// error as well as halve it).
/// </summary>
public static class CorrectionChoice
{
    private const LayerCorrection Both = LayerCorrection.Rounding | LayerCorrection.Bias;

    public static CorrectionResult Choose(
        OnnxModel prepared,
        QuantizationPlan plan,
        QuantizationConfiguration configuration,
        IDataset data,
        CorrectionSettings settings,
        CancellationToken cancellation)
    {
        string[] all = [.. plan.Layers.Where(SequentialBiasCorrection.CanCorrect).Select(l => l.Id)];
        string[] roundable = [.. plan.Layers.Where(l => LayerRounding.CanRound(prepared, l)).Select(l => l.Id)];
        string[] either = [.. plan.Layers.Select(l => l.Id).Where(l => all.Contains(l) || roundable.Contains(l))];
        (int[] evidence, int[] validation) = Split(data.Count, plan.Layers.Sum(l => (double)l.MultiplyAccumulates), settings);
        bool judged = settings.Mode == CorrectionMode.Auto && validation.Length > 1;
        SequentialBiasCorrection correction = new(prepared, plan, data, evidence, settings.Threads);
        QuantizationConfiguration Correct(string[] layers, LayerCorrection kind) => correction.Correct(configuration, layers.ToHashSet(), kind, cancellation);
        QuantizationConfiguration Equalized()
        {
            ChannelEqualization equalization = ChannelEqualization.Measure(prepared, plan, configuration, data, evidence, settings.Threads, cancellation);
            return new SequentialBiasCorrection(equalization.Apply(prepared), plan, data, evidence, settings.Threads)
                .Correct(equalization.Apply(configuration), either.ToHashSet(), Both, cancellation);
        }

        // Where each channel has a scale of its own, weights gain nothing from being alike.
        QuantizationConfiguration? CrossLayer() => settings.Ranges.PerChannel
            ? null : CrossLayerEqualization.Apply(prepared, plan, configuration, data, settings.Ranges, settings.Threads, cancellation);
        QuantizationConfiguration Rounded(QuantizationConfiguration start) => correction.Correct(start, either.ToHashSet(), Both, cancellation);
        // At 4 bits it is the weights that limit.
        ActivationSmoothing? Smoothing() => settings.Ranges.Weights == IntegerType.Int4 ? null : ActivationSmoothing.Measure(prepared, plan, configuration, data, evidence, settings.Ranges, settings.Threads, cancellation);

        if (!judged || either.Length == 0)
        {
            return settings.Mode switch
            {
                CorrectionMode.Bias => new CorrectionResult(Correct(all, LayerCorrection.Bias), all, []),
                CorrectionMode.Hessian => new CorrectionResult(Correct(either, Both), either, []),
                CorrectionMode.Equalize => new CorrectionResult(CrossLayer() is { } equal ? Rounded(equal) : Equalized(), either, []),
                CorrectionMode.Smooth => new CorrectionResult(
                    Rounded(Smoothing() is { } way ? way.Apply(way.Uniform(0.6, 1.1, multiplied: true), true, cancellation) : configuration), either, []),
                _ => new CorrectionResult(configuration, [], []),
            };
        }

        WholeModelError objective = new(prepared, data, validation, settings.Threads);
        List<CorrectionTrial> trials = [];
        double[] best = objective.Measure(Emitter.Emit(prepared, plan, configuration), cancellation);
        trials.Add(new CorrectionTrial("none", best.Average(), true));
        (QuantizationConfiguration Configuration, string[] Layers) kept = (configuration, []);

        bool Try(string name, string[] layers, double standardErrors, Func<QuantizationConfiguration> correct)
        {
            QuantizationConfiguration candidate = correct();
            double[] errors = objective.Measure(Emitter.Emit(prepared, plan, candidate), cancellation);
            bool better = PairedGain.Of(best, errors).IsSignificant(standardErrors);
            trials.Add(new CorrectionTrial(name, errors.Average(), better));
            if (better)
                (best, kept) = (errors, (candidate, layers));
            return better;
        }

        bool helped = all.Length > 0 && Try($"bias of all {all.Length} layers", all, 0, () => Correct(all, LayerCorrection.Bias));
        QuantizationConfiguration? rounded = roundable.Length > 0 ? Correct(either, Both) : null;
        helped |= rounded is not null && Try($"rounding and bias of all {either.Length} layers", either, 0, () => rounded);

        // Few bits shift means so far that making up for them layer by layer can do more harm than good.
        if (rounded is not null && all.Length > 0 && configuration.Weights.Values.Any(w => w.Type == IntegerType.Int4))
        {
            helped |= Try($"rounding of all {roundable.Length} layers", roundable, 0,
                () => correction.Correct(configuration, roundable.ToHashSet(), LayerCorrection.Rounding, cancellation));
            helped |= Try($"rounding of all {roundable.Length} layers for biases, without these", roundable, 0, () => rounded with { Biases = configuration.Biases });
        }

        if (ChannelEqualization.HasPairs(prepared, plan, configuration))
            helped |= Try($"equalized channels, rounding and bias of all {either.Length} layers", either, 0, Equalized);
        if (CrossLayer() is { } crossed)
            helped |= Try($"cross-layer equalization, rounding and bias of all {either.Length} layers", either, 0, () => Rounded(crossed));
        if (Smoothing() is { } smoothing)
        {
            (Smoothing smoothed, _) = Candidates(smoothing, cancellation).Select(way =>
            {
                double[] measured = objective.Measure(Emitter.Emit(prepared, plan, smoothing.Apply(way, false, cancellation)), cancellation);
                trials.Add(new CorrectionTrial($"smoothed inputs: {way.Name}, weights to nearest", measured.Average(), false));
                return (way, measured);
            }).MinBy(c => c.measured.Average());
            // Judged with magnitudes of the evidence alone, kept with those of all data.
            QuantizationConfiguration judgedOne = Rounded(smoothing.Apply(smoothed, false, cancellation));
            if (Try($"smoothed inputs ({smoothed.Name}), rounding and bias of all {either.Length} layers", either, 0, () => judgedOne))
            {
                helped = true;
                kept = (Rounded(smoothing.Apply(smoothed, true, cancellation)), either);
            }
        }

        if (!helped && all.Length > 1)
        {
            int size = (all.Length + settings.Stretches - 1) / settings.Stretches;
            foreach (string[] stretch in all.Chunk(size))
            {
                string[] layers = [.. kept.Layers, .. stretch];
                Try($"bias of {stretch.Length} layers from {stretch[0]}", layers, settings.StandardErrors, () => Correct(layers, LayerCorrection.Bias));
            }
        }

        return new CorrectionResult(kept.Configuration, kept.Layers, trials);
    }

    /// <summary>The float model whose channels are scaled as <see cref="Choose"/> scales them: as floats, the same.</summary>
    internal static OnnxModel Equalize(
        OnnxModel prepared, QuantizationPlan plan, QuantizationConfiguration configuration, IDataset data, CorrectionSettings settings, CancellationToken cancellation)
    {
        (int[] evidence, _) = Split(data.Count, plan.Layers.Sum(l => (double)l.MultiplyAccumulates), settings);
        return ChannelEqualization.Measure(prepared, plan, configuration, data, evidence, settings.Threads, cancellation).Apply(prepared);
    }

    /// <summary>Few, since each costs a run of the model for every held-back sample.</summary>
    private static IEnumerable<Smoothing> Candidates(ActivationSmoothing smoothing, CancellationToken cancellation)
    {
        bool some = smoothing.Tensors.Any(t => t.NeedsProduct), others = smoothing.Tensors.Any(t => !t.NeedsProduct);
        foreach (bool multiplied in (bool[])[false, true])
        {
            if (multiplied ? !some : !others)
                continue;
            yield return smoothing.Local(multiplied, cancellation);
            yield return smoothing.Uniform(0.5, 1, multiplied);
            yield return smoothing.Uniform(0.6, 1.1, multiplied);
            yield return smoothing.Uniform(0.75, 1.1, multiplied);
        }
    }

    /// <summary>
    /// A third of the samples judges, the others are evidence (<see cref="SampleSplit"/>); both spread over the whole set.
    /// </summary>
    internal static (int[] Evidence, int[] Validation) Split(int count, double multiplyAccumulates, CorrectionSettings settings)
    {
        int most = CorrectionSettings.SamplesFor(multiplyAccumulates);
        bool hold = settings.Mode == CorrectionMode.Auto && count >= 6;
        int[] validation = [.. Enumerable.Range(0, count).Where(i => hold && SampleSplit.IsHeldBack(i))];
        int[] evidence = [.. Enumerable.Range(0, count).Where(i => !hold || !SampleSplit.IsHeldBack(i))];
        return (
            SampleSplit.Spread(evidence, settings.EvidenceSamples is > 0 and var e ? e : most),
            SampleSplit.Spread(validation, settings.ValidationSamples is > 0 and var v ? v : most));
    }
}
