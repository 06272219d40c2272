using QuantCluster.Planning;
using QuantCluster.Search;
using QuantCluster.Search.Sensitivity;

namespace QuantCluster.Jobs.Stages;

/// <summary>A plan → what each of its layers costs the whole model; two trials a layer.</summary>
internal static class SensitivityStage
{
    /// <param name="context">The job.</param>
    /// <param name="model">The prepared model's blob.</param>
    /// <param name="plan">With every layer quantized.</param>
    /// <param name="trialOf">Makes the trial in which only the given layers are quantized; null where that is the float model.</param>
    /// <param name="samples">Samples it may be measured on: some of them are enough (<see cref="SensitivitySettings.Samples"/>).</param>
    /// <param name="workers">Trials at a time.</param>
    /// <param name="cancellation">Looked at between trials.</param>
    /// <returns>In graph order.</returns>
    public static async Task<IReadOnlyList<LayerSensitivity>> RunAsync(
        StageContext context, BlobId model, QuantizationPlan plan, Func<IReadOnlySet<string>, Trial?> trialOf, int[] samples, int workers, CancellationToken cancellation)
    {
        LayerTrials trials = LayerTrials.Make(plan.Layers, trialOf);
        int[] some = [.. SensitivitySettings.Default.Choose(samples.Length).Select(i => samples[i])];
        return trials.Judge(await TrialsStage.RunAsync(context, model, trials.Trials, some, workers, cancellation));
    }
}
