using QuantCluster.Planning;

namespace QuantCluster.Search.Sensitivity;

/// <summary>The trials that show what each layer costs: all layers quantized, each alone, and all but each.</summary>
internal sealed record LayerTrials(IReadOnlyList<Layer> Layers, Trial All, IReadOnlyList<Trial> OnlyThis, IReadOnlyList<Trial> AllButThis)
{
    /// <param name="layers">The plan's layers.</param>
    /// <param name="trialOf">Makes the trial in which only the given layers are quantized; null where that is the float model.</param>
    public static LayerTrials Make(IReadOnlyList<Layer> layers, Func<IReadOnlySet<string>, Trial?> trialOf)
    {
        Trial TrialOf(IReadOnlySet<string> quantized) => trialOf(quantized) ?? Trial.OfNothing;
        string[] ids = [.. layers.Select(l => l.Id)];
        return new LayerTrials(
            layers,
            TrialOf(ids.ToHashSet()),
            [.. ids.Select(id => TrialOf(new HashSet<string> { id }).About(id))],
            [.. ids.Select(id => TrialOf(ids.Where(other => other != id).ToHashSet()).About(id))]);
    }

    public IReadOnlyList<Trial> Trials => [All, .. OnlyThis, .. AllButThis];

    /// <summary>Every layer's sensitivity, from the errors by trial's key and chosen sample.</summary>
    public IReadOnlyList<LayerSensitivity> Judge(IReadOnlyDictionary<string, double[]> errors, WeighedSamples samples)
    {
        double[] all = samples.Apply(errors[All.Key]);
        return [.. Layers.Select((layer, i) => LayerSensitivity.Of(layer, samples.Apply(errors[OnlyThis[i].Key]), samples.Apply(errors[AllButThis[i].Key]), all))];
    }
}
