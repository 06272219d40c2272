using System.Globalization;
using QuantCluster.Emission;
using QuantCluster.Onnx;
using QuantCluster.Search;
using QuantCluster.Search.Frontier;
using QuantCluster.Search.WeightOnly;

namespace QuantCluster.Jobs.Stages;

/// <summary>A configured plan → the same with weights of layers that stay float stored as integers, where held-back samples allow it.</summary>
internal static class WeightOnlyStage
{
    /// <summary>Who names a layer that stays float means all of it, unless all weights are asked for.</summary>
    public static IReadOnlyCollection<string> ExcludedOf(JobSettings settings) => settings.FloatWeights == FloatWeights.Auto ? settings.KeepFloat ?? [] : [];

    /// <param name="model">The prepared model's blob.</param>
    /// <param name="chosen">What is to be emitted.</param>
    /// <param name="onIntegers">The trial with every layer on integers; null where that is what was chosen.</param>
    /// <param name="guard">Whose tolerance the task is to stay within; null where it is not within it, or nothing is known of it.</param>
    /// <param name="hasToSpare">Whether the model may err as much as a share of the one on integers; not where layers just went back to float to err less.</param>
    public static async Task<ConfiguredPlan> RunAsync(
        StageContext context, BlobId model, OnnxModel prepared, ConfiguredPlan chosen, Trial? onIntegers, int workers, CancellationToken cancellation, GuardStage? guard = null, bool hasToSpare = true)
    {
        JobSettings settings = context.Settings;
        if (settings.FloatWeights == FloatWeights.Float)
            return chosen;

        IReadOnlyCollection<string> excluded = ExcludedOf(settings);
        QuantizationConfiguration configuration = await context.Handlers.Values.ConfigurationAsync(chosen.Configuration, cancellation);
        IReadOnlyList<StorableWeight> storable =
            [.. new StorableWeights(ScaledModel.Of(prepared, chosen.Plan, configuration).Prepared, excluded).Of(chosen.Plan).Where(w => !configuration.WeightOnly.ContainsKey(w.Id))];
        if (storable.Count == 0)
            return chosen;
        string[] key = [model.Value, chosen.PlanBlob.Value, chosen.Configuration.Value, context.DataKey, settings.FloatWeights.ToString(), onIntegers?.Key ?? "", guard is null ? "" : settings.TaskTolerance.ToString("R", CultureInfo.InvariantCulture), hasToSpare.ToString(), .. excluded];
        IReadOnlyDictionary<string, BlobId> outputs = await context.Runner.RunAsync("weights", key, async c =>
        {
            IReadOnlyList<StorableWeight> kept = settings.FloatWeights == FloatWeights.Int8 ? storable : await ChooseAsync(storable, c);
            return new Dictionary<string, byte[]> { ["configuration"] = ConfigurationFile.ToBytes(With(kept)) };
        }, cancellation, isWhole: false);
        return chosen with { Configuration = outputs["configuration"] };

        QuantizationConfiguration With(IReadOnlyList<StorableWeight> weights) =>
            configuration with { WeightOnly = configuration.WeightOnly.Concat(weights.Select(w => KeyValuePair.Create(w.Id, w.Weight))).ToDictionary() };

        async Task<IReadOnlyList<StorableWeight>> ChooseAsync(IReadOnlyList<StorableWeight> weights, CancellationToken c)
        {
            (_, int[] validation) = new FrontierSettings().Split(context.Sources.Data.Count);
            Trial plain = new(chosen.Plan, configuration);
            async Task<double[]> MeasureAsync(IReadOnlyList<Trial> trials)
            {
                IReadOnlyDictionary<string, double[]> errors = await TrialsStage.RunAsync(context, model, trials, validation, workers, c);
                double[] means = [.. trials.Select(t => errors[t.Key].Average())];
                for (int t = 0; t < trials.Count && guard is not null; t++)
                    means[t] = (await guard.DropAsync(trials[t], c)).IsWithin(settings.TaskTolerance) || trials[t] == onIntegers ? means[t] : double.PositiveInfinity;
                return means;
            }

            double[] basis = await MeasureAsync([plain, onIntegers ?? plain]);
            return await WeightOnlyChoice.ChooseAsync(
                weights, basis[0], WeightOnlyChoice.Limit(basis[0], hasToSpare ? basis[1] : 0), sets => MeasureAsync([.. sets.Select(s => new Trial(chosen.Plan, With(s)))]));
        }
    }
}
