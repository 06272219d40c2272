using QuantCluster.Planning;

namespace QuantCluster.Search;

/// <summary>How much may go back to float: the result must stay about as fast and as small as with every layer on integers.</summary>
/// <param name="all">The plan with every layer.</param>
internal sealed class Allowance(TimeEstimate time, QuantizationPlan all, SearchSettings settings)
{
    private readonly double _mostParameters = all.Layers.Sum(l => (double)l.Parameters) * settings.Growth;

    /// <summary>Microseconds by estimate, at most.</summary>
    public double MostTime { get; } = time.Of(all) * (1 + settings.Slowdown);

    /// <summary>Microseconds that may be lost.</summary>
    public double Room => MostTime - (MostTime / (1 + settings.Slowdown));

    public TimeEstimate Time => time;

    /// <summary>Whether the layers a plan leaves float are few enough, in time and in parameters; one must stay on integers.</summary>
    public bool Permits(QuantizationPlan part)
    {
        HashSet<string> quantized = [.. part.Layers.Select(l => l.Id)];
        return quantized.Count > 0
            && all.Layers.Where(l => !quantized.Contains(l.Id)).Sum(l => (double)l.Parameters) <= _mostParameters
            && time.Of(part) <= MostTime;
    }
}
