using QuantCluster.Emission;
using QuantCluster.Numerics;
using QuantCluster.Onnx;
using QuantCluster.Planning;
using QuantCluster.Ranges;
using QuantCluster.Search.Configuration;

namespace QuantCluster.Search.Frontier;

/// <summary>Sets of layers whose weights are INT4 instead of INT8: half the size at the speed of INT8, at an error.</summary>
/// <param name="prepared">The float model.</param>
/// <param name="ranges">How weights are mapped otherwise.</param>
internal sealed class FourBitWeights(OnnxModel prepared, RangeSettings ranges)
{
    /// <summary>Shares of the layers' parameters that sets have, about.</summary>
    private static readonly double[] Shares = [0.1, 0.25, 0.5, 0.75, 0.9, 1];

    /// <summary>Whether a configuration has such weights.</summary>
    public static bool Has(QuantizationConfiguration configuration) => configuration.Weights.Values.Any(w => w.Type == IntegerType.Int4);

    /// <summary>Whether two trials with the same layers on integers have them in the same precisions.</summary>
    public static bool AreAlike(Trial one, Trial other) => one.Plan.Layers.All(
        l => LayerChoice.Of(one.Plan, one.Configuration, l.Id) == LayerChoice.Of(other.Plan, other.Configuration, l.Id));

    /// <summary>The trial with INT4 weights, rounded to nearest, in some layers, which lose their corrections.</summary>
    public Trial Of(Trial trial, IReadOnlySet<string> layers) =>
        Of(trial, l => layers.Contains(l) ? new LayerChoice(LayerPrecision.Int4Weights, LayerChoice.StandardOf(ranges).Granularity) : null);

    /// <summary>The trial's layers with the precisions they have in another, which has them too.</summary>
    public Trial Like(Trial trial, Trial other) => Of(trial, l =>
    {
        LayerChoice choice = LayerChoice.Of(other.Plan, other.Configuration, l);
        return choice == LayerChoice.Of(trial.Plan, trial.Configuration, l) ? null : choice;
    });

    /// <param name="choose">What becomes of a layer's weight; null where it stays as it is.</param>
    private Trial Of(Trial trial, Func<string, LayerChoice?> choose)
    {
        Dictionary<string, LayerChoice> changed = [];
        foreach (Layer layer in trial.Plan.Layers)
        {
            if (choose(layer.Id) is { } choice)
                changed[layer.Id] = choice;
        }

        return new Trial(trial.Plan, trial.Configuration with
        {
            Weights = trial.Plan.Layers.ToDictionary(l => l.Id, l => changed.TryGetValue(l.Id, out LayerChoice? choice)
                ? RangeSelection.ChooseWeight(prepared, l, trial.Configuration.Activations[l.Input].Scale, choice.Applied(ranges))
                : trial.Configuration.Weights[l.Id]),
            Biases = trial.Configuration.Biases.Where(b => !changed.ContainsKey(b.Key)).ToDictionary(),
        });
    }

    /// <summary>Prefixes of the layers in order of the error that each alone adds for a parameter, least first.</summary>
    /// <param name="whole">With INT8 weights.</param>
    /// <param name="measureAsync">The error of each of some trials.</param>
    public async Task<IReadOnlyList<(string Name, Trial Trial)>> SetsAsync(Trial whole, Func<IReadOnlyList<Trial>, Task<double[]>> measureAsync)
    {
        Layer[] layers = [.. whole.Plan.Layers];
        double[] errors = await measureAsync([whole, .. layers.Select(l => Of(whole, new HashSet<string> { l.Id }))]);
        Layer[] order = [.. Enumerable.Range(0, layers.Length).OrderBy(i => (errors[i + 1] - errors[0]) / Math.Max(1, layers[i].Parameters)).Select(i => layers[i])];
        long all = layers.Sum(l => l.Parameters), sum = 0;
        List<(string, Trial)> sets = [];
        int reached = 0;
        for (int i = 0; i < order.Length; i++)
        {
            sum += order[i].Parameters;
            int now = Shares.Count(s => sum >= s * all);
            if (now > reached)
                sets.Add(($"INT4 weights in {i + 1} of {order.Length} layers", Of(whole, order.Take(i + 1).Select(l => l.Id).ToHashSet())));
            reached = now;
        }

        return sets;
    }
}
