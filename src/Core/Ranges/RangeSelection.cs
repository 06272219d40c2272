using QuantCluster.Calibration;
using QuantCluster.Emission;
using QuantCluster.Numerics;
using QuantCluster.Onnx;
using QuantCluster.Onnx.Protocol;
using QuantCluster.Planning;

namespace QuantCluster.Ranges;

/// <summary>How ranges and weights are chosen.</summary>
public sealed record RangeSettings
{
    public static RangeSettings Default { get; } = new();

    /// <summary>A name of <see cref="RangeEstimators"/>.</summary>
    public string Method { get; init; } = "auto";

    /// <summary>One scale a channel of a weight, or one for the whole weight.</summary>
    public bool PerChannel { get; init; } = true;

    /// <summary>Whether weights may be clipped where that lowers their squared error; at 4 bits they always may.</summary>
    public bool ClipWeights { get; init; }

    /// <summary>The type of weights: INT8, or INT4 for half the size.</summary>
    public IntegerType Weights { get; init; } = IntegerType.Int8;

    /// <summary>The type of activations: UINT8 with INT8 weights is the fast pair on x64.</summary>
    public IntegerType Activations { get; init; } = IntegerType.UInt8;
}

/// <summary>A point's mapping and who chose it.</summary>
/// <param name="Mapping">Scale and zero point.</param>
/// <param name="Method">Name of the estimator; of a group whose members' estimators differ, all of them, joined by <c> + </c>.</param>
public sealed record ActivationChoice(AffineMapping Mapping, string Method);

/// <summary>From statistics to the first configuration: every point's mapping, every layer's integers.</summary>
public static class RangeSelection
{
    public static QuantizationConfiguration Choose(
        OnnxModel prepared, QuantizationPlan plan, CalibrationStatistics statistics, RangeSettings settings)
    {
        IReadOnlyDictionary<string, ActivationChoice> chosen = ChooseActivations(plan, statistics, settings);
        return Choose(prepared, plan, chosen.ToDictionary(c => c.Key, c => c.Value.Mapping), settings);
    }

    /// <summary>The weights that go with activations already chosen.</summary>
    public static QuantizationConfiguration Choose(
        OnnxModel prepared, QuantizationPlan plan, IReadOnlyDictionary<string, AffineMapping> activations, RangeSettings settings)
    {
        Dictionary<string, QuantizedWeight> weights = [];
        foreach (Layer layer in plan.Layers)
            weights[layer.Id] = ChooseWeight(prepared, layer, activations[layer.Input].Scale, settings);
        return new QuantizationConfiguration(activations, weights, new Dictionary<string, float[]>());
    }

    /// <summary>A layer's weight, where its input has the scale <paramref name="inputScale"/>.</summary>
    public static QuantizedWeight ChooseWeight(OnnxModel prepared, Layer layer, float inputScale, RangeSettings settings)
    {
        TensorProto weight = prepared.Graph.Initializer(layer.Weight)!;
        float[]? bias = layer.Bias is null || layer.OpType == "MatMul" ? null : prepared.Graph.Initializer(layer.Bias)!.ToFloats();
        return ChooseWeight(weight.ToFloats(), weight.Dims, layer.WeightAxis, bias, inputScale, settings);
    }

    /// <summary>Symmetric, INT8 in [−127, 127] or INT4 in [−7, 7], rounded to nearest, half to even.</summary>
    public static QuantizedWeight ChooseWeight(
        float[] values, IReadOnlyList<long> shape, int axis, float[]? bias, float inputScale, RangeSettings settings)
    {
        float[] scales = WeightRanges.Scales(values, shape, settings.PerChannel ? axis : -1, settings.Weights, settings.ClipWeights || settings.Weights == IntegerType.Int4);
        int limit = settings.Weights.Maximum();
        for (int c = 0; bias is not null && c < bias.Length; c++)
        {
            ref float scale = ref scales[settings.PerChannel ? c : 0];
            scale = Math.Max(scale, QuantizedBias.LeastWeightScale(bias[c], inputScale));
        }

        long inner = shape.Skip(axis + 1).Aggregate(1L, (n, d) => n * d);
        sbyte[] integers = new sbyte[values.Length];
        for (int i = 0; i < values.Length; i++)
        {
            float scale = scales[settings.PerChannel ? (int)(i / inner % scales.Length) : 0];
            integers[i] = (sbyte)Math.Clamp(MathF.Round(values[i] / scale, MidpointRounding.ToEven), -limit, limit);
        }

        return new QuantizedWeight(settings.Weights, settings.PerChannel ? axis : -1, scales, integers);
    }

    /// <summary>The mapping of every point: each group of points on its own.</summary>
    public static IReadOnlyDictionary<string, ActivationChoice> ChooseActivations(
        QuantizationPlan plan, CalibrationStatistics statistics, RangeSettings settings) =>
        ShareInGroups(plan, point => ChooseRange(point, statistics, settings), settings);

    /// <summary>The range of one point by itself, and the estimator it is of.</summary>
    public static (RealRange Range, string Method) ChooseRange(QuantizationPoint point, CalibrationStatistics statistics, RangeSettings settings)
    {
        (RealRange own, string method) = RangeEstimators.Get(settings.Method).Choose(statistics.Tensors[point.Tensor], settings.Activations, point.MayClip);
        if (point.Effective is { } effective)
            own = new RealRange(Math.Clamp(own.Minimum, effective.Minimum, effective.Maximum), Math.Clamp(own.Maximum, effective.Minimum, effective.Maximum));
        return (own, method);
    }

    /// <summary>The mapping of every point: one for all points of a group, that covers the ranges of each.</summary>
    public static IReadOnlyDictionary<string, ActivationChoice> ShareInGroups(
        QuantizationPlan plan, Func<QuantizationPoint, (RealRange Range, string Method)> rangeOf, RangeSettings settings)
    {
        Dictionary<string, ActivationChoice> activations = [];
        foreach (IGrouping<string, QuantizationPoint> group in plan.Points.GroupBy(p => p.Group))
        {
            (RealRange Range, string Method)[] parts = [.. group.Select(rangeOf)];
            RealRange range = parts.Select(p => p.Range).Aggregate((one, other) => one.Union(other));
            ActivationChoice choice = new(AffineMapping.FromRange(range, settings.Activations), string.Join(" + ", parts.Select(p => p.Method).Distinct()));
            foreach (QuantizationPoint point in group)
                activations[point.Tensor] = choice;
        }

        return activations;
    }
}
