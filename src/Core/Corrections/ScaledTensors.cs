using QuantCluster.Emission;
using QuantCluster.Onnx;
using QuantCluster.Planning;

namespace QuantCluster.Corrections;

/// <summary>Tensors whose channels were scaled: theirs are not the float model's values.</summary>
internal static class ScaledTensors
{
    /// <summary>What lies between two equalized layers, where the first one's weight scales took up factors, or is scaled by the configuration.</summary>
    /// <param name="prepared">The float model.</param>
    /// <param name="plan">Of both configurations.</param>
    /// <param name="before">As the ranges were chosen.</param>
    /// <param name="after">As corrected.</param>
    public static HashSet<string> Between(OnnxModel prepared, QuantizationPlan plan, QuantizationConfiguration before, QuantizationConfiguration after) =>
    [
        .. ChannelEqualization.FindPairs(prepared, plan, before)
            .Select(pair => pair.First)
            .Where(l => !before.Weights[l.Id].Scales.AsSpan().SequenceEqual(after.Weights[l.Id].Scales))
            .Select(l => l.Result),
        .. after.Scalings.SelectMany(s => s.Changed),
    ];
}
