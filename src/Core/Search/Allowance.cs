using QuantCluster.Planning;
using QuantCluster.Search.Configuration;
using QuantCluster.Search.Precision;

namespace QuantCluster.Search;

/// <summary>
/// How much may be given up for accuracy: the result must stay about as fast, with about as few float parameters, as with every
/// layer on integers, and where a size is asked for, within that.
/// </summary>
/// <param name="all">The plan with every layer.</param>
/// <param name="size">How large candidates may be; null where no size is asked for.</param>
internal sealed class Allowance(TimeEstimate time, QuantizationPlan all, SearchSettings settings, SizeLimit? size = null)
{
    private readonly double _mostParameters = all.Layers.Sum(l => (double)l.Parameters) * settings.Growth;

    /// <summary>Microseconds by estimate, at most.</summary>
    public double MostTime { get; } = time.Of(all) * (1 + settings.Slowdown);

    /// <summary>Microseconds that may be lost.</summary>
    public double Room => MostTime - (MostTime / (1 + settings.Slowdown));

    public TimeEstimate Time => time;

    /// <summary>The limit of bytes; null for none.</summary>
    public SizeLimit? Size => size;

    /// <summary>What becomes of a layer that goes back to float: where bytes count, its weight stays integers.</summary>
    public LayerChoice Float => size is null ? LayerChoice.Float : LayerChoice.WeightOnly;

    /// <summary>Whether a candidate has few enough float layers, and bytes; one layer must stay on integers.</summary>
    public bool Permits(Trial trial)
    {
        HashSet<string> quantized = [.. trial.Plan.Layers.Select(l => l.Id)];
        return quantized.Count > 0
            && all.Layers.Where(l => !quantized.Contains(l.Id)).Sum(l => (double)l.Parameters) <= _mostParameters
            && time.Of(trial.Plan) <= MostTime
            && (size is null || size.Permits(trial));
    }
}
