using QuantCluster.Search;
using QuantCluster.Search.Sensitivity;

namespace QuantCluster.Jobs.Stages;

/// <summary>A plan → what each of its layers costs the whole model; two trials a layer.</summary>
internal static class SensitivityStage
{
    /// <summary>Samples of the first look, at most.</summary>
    private const int FirstLook = 512;

    /// <param name="context">The job.</param>
    /// <param name="model">The prepared model's blob.</param>
    /// <param name="trials">What is to be measured.</param>
    /// <param name="samples">Samples it may be measured on.</param>
    /// <param name="settings">On how many of them.</param>
    /// <param name="workers">Trials at a time.</param>
    /// <param name="cancellation">Looked at between trials.</param>
    public static async Task<MeasuredLayers> RunAsync(
        StageContext context, BlobId model, LayerTrials trials, int[] samples, SensitivitySettings settings, int workers, CancellationToken cancellation)
    {
        WeighedSamples chosen = await ChooseAsync(context, model, trials, samples, settings, workers, cancellation);
        IReadOnlyDictionary<string, double[]> errors = await TrialsStage.RunAsync(context, model, trials.Trials, [.. chosen.Indices], workers, cancellation);
        return new MeasuredLayers(trials.Judge(errors, chosen), chosen, MeanError.Of(chosen.Apply(errors[trials.All.Key])));
    }

    private static async Task<WeighedSamples> ChooseAsync(
        StageContext context, BlobId model, LayerTrials trials, int[] samples, SensitivitySettings settings, int workers, CancellationToken cancellation)
    {
        if (settings.Samples > 0)
            return WeighedSamples.Alike([.. settings.Choose(samples.Length).Select(i => samples[i])]);
        int[] first = [.. SampleSplit.Scatter(samples.Length, FirstLook).Select(i => samples[i])];
        double[] errors = (await TrialsStage.RunAsync(context, model, [trials.All], first, workers, cancellation))[trials.All.Key];
        return WeighedSamples.ByError(first, errors, WeighedSamples.Affordable(trials.Layers.Count, first.Length));
    }
}

/// <summary>Every layer's sensitivity, and what it was measured on.</summary>
/// <param name="Layers">In graph order.</param>
/// <param name="Samples">The samples trials were judged on.</param>
/// <param name="All">Mean error with all layers quantized.</param>
internal sealed record MeasuredLayers(IReadOnlyList<LayerSensitivity> Layers, WeighedSamples Samples, MeanError All);
