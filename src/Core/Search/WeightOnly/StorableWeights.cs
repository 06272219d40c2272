using System.Collections.Concurrent;
using QuantCluster.Emission;
using QuantCluster.Jobs;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;
using QuantCluster.Planning;
using QuantCluster.Ranges;

namespace QuantCluster.Search.WeightOnly;

/// <summary>A layer that computes in float, with its weight as integers.</summary>
/// <param name="Id">The layer's output.</param>
/// <param name="Weight">INT8.</param>
/// <param name="Saved">Bytes the model is smaller so.</param>
internal sealed record StorableWeight(string Id, QuantizedWeight Weight, long Saved);

/// <summary>Which layers that stay float could have their weights stored as integers, and which integers. Thread-safe.</summary>
/// <param name="model">The float model, with the configuration's scalings carried out (<see cref="ScaledModel"/>).</param>
/// <param name="excluded">Layers, by id or node, that are to be left alone.</param>
internal sealed class StorableWeights(OnnxModel model, IReadOnlyCollection<string> excluded)
{
    /// <summary>What saves a smaller share of the weights' bytes than this is not worth an error.</summary>
    private const double SmallestShare = 0.005;

    /// <summary>Bytes of two nodes with their names, about.</summary>
    private const int NodeBytes = 300;

    private static readonly RangeSettings Ranges = RangeSettings.Default with { ClipWeights = true };

    private readonly double _least = SmallestShare * model.Graph.Proto.Initializer.Where(i => i.ElementType() == ElementType.Float).Sum(i => i.ElementCount() * sizeof(float));
    private readonly ConcurrentDictionary<(string Weight, WeightGranularity Granularity), Lazy<QuantizedWeight>> _known = new();

    /// <summary>All of a plan, a scale a channel; in graph order.</summary>
    public IReadOnlyList<StorableWeight> Of(QuantizationPlan plan) =>
        [.. plan.FloatLayers.Select(l => Of(plan, l, WeightGranularity.Channel)).OfType<StorableWeight>()];

    /// <summary>One of a plan; null where it cannot be stored, or is no layer that stays float there.</summary>
    public StorableWeight? Of(QuantizationPlan plan, string layer, WeightGranularity granularity) =>
        plan.FloatLayers.FirstOrDefault(l => l.Id == layer) is { } found ? Of(plan, found, granularity) : null;

    private StorableWeight? Of(QuantizationPlan plan, FloatLayer layer, WeightGranularity granularity)
    {
        Graph graph = model.Graph;
        if (excluded.Contains(layer.Id) || excluded.Contains(layer.Node))
            return null;
        if (graph.Producer(layer.Id) is not { } node || node.Input.Count < 2 || graph.Initializer(node.Input[1]) is not { } weight
            || weight.ElementType() != ElementType.Float || weight.Dims.Count < 2 || graph.IsOutput(node.Input[1]))
            return null;

        // Where others read the weight as floats it has to stay.
        if (plan.Layers.Any(l => l.Weight == node.Input[1])
            || !graph.Consumers(node.Input[1]).All(c => plan.FloatLayers.Any(f => f.Id == c.Output[0]) && c.Input.IndexOf(node.Input[1]) == 1))
            return null;
        int axis = AxisOf(node, weight);
        long scales = granularity == WeightGranularity.Channel ? weight.Dims[axis] : 1;
        long saved = (3 * weight.ElementCount()) - (sizeof(float) * scales) - NodeBytes;
        if (saved < _least)
            return null;
        return new StorableWeight(layer.Id, _known.GetOrAdd((node.Input[1], granularity), _ => new Lazy<QuantizedWeight>(() => RangeSelection.ChooseWeight(
            weight.ToFloats(), weight.Dims, axis, null, 1, Ranges with { PerChannel = granularity == WeightGranularity.Channel }))).Value, saved);
    }

    /// <summary>The axis of output channels; of a transposed convolution, of output channels within a group.</summary>
    private static int AxisOf(NodeProto node, TensorProto weight) => node.OpType switch
    {
        "Conv" => 0,
        "Gemm" => node.IntAttribute("transB", 0) == 0 ? 1 : 0,
        "ConvTranspose" => 1,
        _ => weight.Dims.Count - 1,
    };
}
