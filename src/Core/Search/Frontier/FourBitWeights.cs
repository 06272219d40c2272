using QuantCluster.Emission;
using QuantCluster.Numerics;
using QuantCluster.Onnx;
using QuantCluster.Planning;
using QuantCluster.Ranges;

namespace QuantCluster.Search.Frontier;

/// <summary>Sets of layers whose weights are INT4 instead of INT8: half the size at the speed of INT8, at an error.</summary>
/// <param name="prepared">The float model.</param>
/// <param name="ranges">How weights are mapped otherwise.</param>
internal sealed class FourBitWeights(OnnxModel prepared, RangeSettings ranges)
{
    /// <summary>Shares of the layers' parameters that sets have, about.</summary>
    private static readonly double[] Shares = [0.1, 0.25, 0.5, 0.75, 0.9, 1];

    private readonly RangeSettings _ranges = ranges with { Weights = IntegerType.Int4 };

    /// <summary>Whether a configuration has such weights.</summary>
    public static bool Has(QuantizationConfiguration configuration) => configuration.Weights.Values.Any(w => w.Type == IntegerType.Int4);

    /// <summary>Bytes that a configuration's layers save against float, scales aside.</summary>
    public static long Saved(Trial trial) =>
        trial.Plan.Layers.Sum(l => trial.Configuration.Weights[l.Id].Type == IntegerType.Int4 ? l.Parameters * 7 / 2 : l.Parameters * 3);

    /// <summary>The trial with INT4 weights, rounded to nearest, in some layers, which lose their corrections.</summary>
    public Trial Of(Trial trial, IReadOnlySet<string> layers) => new(trial.Plan, trial.Configuration with
    {
        Weights = trial.Plan.Layers.ToDictionary(l => l.Id, l => layers.Contains(l.Id)
            ? RangeSelection.ChooseWeight(prepared, l, trial.Configuration.Activations[l.Input].Scale, _ranges)
            : trial.Configuration.Weights[l.Id]),
        Biases = trial.Configuration.Biases.Where(b => !layers.Contains(b.Key)).ToDictionary(),
    });

    /// <summary>The same layers INT4 as in another trial.</summary>
    public Trial Like(Trial trial, Trial other) =>
        Of(trial, other.Configuration.Weights.Where(w => w.Value.Type == IntegerType.Int4).Select(w => w.Key).ToHashSet());

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
