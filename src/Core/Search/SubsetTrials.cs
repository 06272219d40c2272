using System.Collections.Concurrent;
using QuantCluster.Calibration;
using QuantCluster.Emission;
using QuantCluster.Inference;
using QuantCluster.Numerics;
using QuantCluster.Onnx;
using QuantCluster.Planning;
using QuantCluster.Ranges;

namespace QuantCluster.Search;

/// <summary>
/// Makes trials in which only some of a plan's layers are quantized. Ranges and weights come from one calibration and
/// are made once, however many trials share them. Thread-safe.
/// </summary>
public sealed class SubsetTrials(
    OnnxModel prepared, IReadOnlyDictionary<string, TensorShape> shapes, QuantizationPlan plan, CalibrationStatistics statistics, RangeSettings settings)
{
    private readonly ConcurrentDictionary<QuantizationPoint, Lazy<(RealRange Range, string Method)>> _ranges = new();
    private readonly ConcurrentDictionary<(string Layer, float InputScale), Lazy<QuantizedWeight>> _weights = new();

    /// <summary>The plan in which, of the layers of <paramref name="plan"/>, only <paramref name="quantized"/> run on integers.</summary>
    /// <param name="quantized">Ids of layers; none gives a plan without layers.</param>
    public static QuantizationPlan Restrict(
        OnnxModel prepared, IReadOnlyDictionary<string, TensorShape> shapes, QuantizationPlan plan, IReadOnlySet<string> quantized)
    {
        if (plan.Layers.All(l => quantized.Contains(l.Id)))
            return plan;
        if (!plan.Layers.Any(l => quantized.Contains(l.Id)))
            return new QuantizationPlan([], [], [], plan.FloatLayers);
        HashSet<string> keep = [.. plan.Layers.Select(l => l.Id).Where(id => !quantized.Contains(id))];
        return Planner.Plan(prepared, shapes, new PlanSettings { KeepFloat = keep });
    }

    /// <summary>The trial in which only <paramref name="quantized"/> run on integers.</summary>
    public Trial Of(IReadOnlySet<string> quantized)
    {
        QuantizationPlan part = Restrict(prepared, shapes, plan, quantized);
        Dictionary<string, AffineMapping> activations =
            RangeSelection.ShareInGroups(part, RangeOf, settings).ToDictionary(c => c.Key, c => c.Value.Mapping);
        return new Trial(part, new QuantizationConfiguration(
            activations,
            part.Layers.ToDictionary(l => l.Id, l => WeightOf(l, activations[l.Input].Scale)),
            new Dictionary<string, float[]>()));
    }

    // What a point's range depends on does not include its group, nor who reads it as integers.
    private (RealRange Range, string Method) RangeOf(QuantizationPoint point) => _ranges.GetOrAdd(
        point with { Group = "", FromIntegerKernel = false },
        p => new Lazy<(RealRange, string)>(() => RangeSelection.ChooseRange(p, statistics, settings))).Value;

    private QuantizedWeight WeightOf(Layer layer, float inputScale) => _weights.GetOrAdd(
        (layer.Id, inputScale), _ => new Lazy<QuantizedWeight>(() => RangeSelection.ChooseWeight(prepared, layer, inputScale, settings))).Value;
}
