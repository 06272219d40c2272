using QuantCluster.Planning;

namespace QuantCluster.Search.Frontier;

/// <summary>Foretells times by <see cref="TimeEstimate"/>: the same on every run, whatever else the machine does.</summary>
internal sealed class EstimatedSpeed(TimeEstimate time) : ISpeedModel
{
    private readonly IReadOnlyDictionary<string, double> _gains = time.Gains;
    private readonly double _float = time.Of(Trial.OfNothing.Plan);

    public double GainOf(string layer) => _gains.GetValueOrDefault(layer) / _float;

    public double Predict(QuantizationPlan plan) => time.Of(plan) / _float;

    /// <summary>Nothing: what was timed must not move what is foretold.</summary>
    public void Fit(IReadOnlyList<TimedPlan> measured)
    {
    }
}
