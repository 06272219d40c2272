using QuantCluster.Emission;
using QuantCluster.Planning;

namespace QuantCluster.Corrections;

/// <summary>Tensors that <see cref="ChannelEqualization"/> scaled: theirs are not the float model's values.</summary>
internal static class ScaledTensors
{
    /// <summary>What lies between two layers whose weight scales took up factors.</summary>
    /// <param name="plan">Of both configurations.</param>
    /// <param name="before">As the ranges were chosen.</param>
    /// <param name="after">As corrected.</param>
    public static HashSet<string> Between(QuantizationPlan plan, QuantizationConfiguration before, QuantizationConfiguration after)
    {
        Layer[] changed = [.. plan.Layers.Where(l => !before.Weights[l.Id].Scales.AsSpan().SequenceEqual(after.Weights[l.Id].Scales))];
        HashSet<string> read = [.. changed.Select(l => l.Input)];
        return [.. changed.Select(l => l.Result).Where(read.Contains)];
    }
}
