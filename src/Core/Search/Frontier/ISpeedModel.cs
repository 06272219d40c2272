using QuantCluster.Planning;

namespace QuantCluster.Search.Frontier;

/// <summary>Foretells the time of a model in which only some layers run on integers.</summary>
internal interface ISpeedModel
{
    /// <summary>Share of the float time that the layer gains by itself; negative where it is slower on integers.</summary>
    double GainOf(string layer);

    /// <summary>Time over the float model's: below 1 is faster.</summary>
    double Predict(QuantizationPlan plan);

    /// <summary>Learns from whole models that were timed.</summary>
    void Fit(IReadOnlyList<TimedPlan> measured);
}
