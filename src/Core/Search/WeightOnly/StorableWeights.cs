using QuantCluster.Emission;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;
using QuantCluster.Planning;
using QuantCluster.Ranges;

namespace QuantCluster.Search.WeightOnly;

/// <summary>A layer that computes in float, with its weight as integers.</summary>
/// <param name="Id">The layer's output.</param>
/// <param name="Weight">INT8, a scale a channel.</param>
/// <param name="Saved">Bytes the model is smaller so.</param>
internal sealed record StorableWeight(string Id, QuantizedWeight Weight, long Saved);

/// <summary>Which layers that stay float could have their weights stored as integers, and which integers.</summary>
internal static class StorableWeights
{
    /// <summary>What saves a smaller share of the weights' bytes than this is not worth an error.</summary>
    private const double SmallestShare = 0.005;

    /// <summary>Bytes of two nodes with their names, about.</summary>
    private const int NodeBytes = 300;

    private static readonly RangeSettings Ranges = RangeSettings.Default with { ClipWeights = true };

    /// <param name="prepared">The float model, with the configuration's scalings not carried out.</param>
    /// <param name="plan">What of it runs on integers.</param>
    /// <param name="configuration">With the channel scalings that emission carries out.</param>
    /// <param name="excluded">Layers, by id or node, that are to be left alone.</param>
    /// <returns>In graph order.</returns>
    public static IReadOnlyList<StorableWeight> Of(
        OnnxModel prepared, QuantizationPlan plan, QuantizationConfiguration configuration, IReadOnlyCollection<string> excluded)
    {
        Graph graph = ScaledModel.Of(prepared, plan, configuration).Prepared.Graph;
        double least = SmallestShare * graph.Proto.Initializer.Where(i => i.ElementType() == ElementType.Float).Sum(i => i.ElementCount() * sizeof(float));
        HashSet<string> integer = [.. plan.Layers.Select(l => l.Weight)];
        Dictionary<string, QuantizedWeight> known = [];
        List<StorableWeight> storable = [];
        foreach (FloatLayer layer in plan.FloatLayers.Where(l => !excluded.Contains(l.Id) && !excluded.Contains(l.Node)))
        {
            if (graph.Producer(layer.Id) is not { } node || node.Input.Count < 2 || graph.Initializer(node.Input[1]) is not { } weight
                || weight.ElementType() != ElementType.Float || weight.Dims.Count < 2 || graph.IsOutput(node.Input[1]))
                continue;

            // Where others read the weight as floats it has to stay.
            if (integer.Contains(node.Input[1]) || !graph.Consumers(node.Input[1]).All(c => plan.FloatLayers.Any(f => f.Id == c.Output[0]) && c.Input.IndexOf(node.Input[1]) == 1))
                continue;
            int axis = AxisOf(node, weight);
            long saved = (3 * weight.ElementCount()) - (sizeof(float) * weight.Dims[axis]) - NodeBytes;
            if (saved < least)
                continue;
            if (!known.TryGetValue(node.Input[1], out QuantizedWeight? stored))
                stored = known[node.Input[1]] = RangeSelection.ChooseWeight(weight.ToFloats(), weight.Dims, axis, null, 1, Ranges);
            storable.Add(new StorableWeight(layer.Id, stored, saved));
        }

        return storable;
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
