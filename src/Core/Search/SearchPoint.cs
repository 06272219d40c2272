using QuantCluster.Search.Configuration;

namespace QuantCluster.Search;

/// <summary>A configuration that was tried as a whole model.</summary>
/// <param name="Origin">What came upon it: an order's name, <c>start</c>, <c>size</c>, <c>relief</c>, <c>finish</c>, <c>polish</c>.</param>
/// <param name="Configuration">What was chosen.</param>
/// <param name="Trial">The same as numbers: with the prepared model it gives the candidate's bytes.</param>
/// <param name="SearchErrors">One error for each search sample.</param>
/// <param name="Time">What it costs in time, by estimate (<see cref="TimeEstimate"/>), microseconds.</param>
public sealed record SearchPoint(
    string Origin, SearchConfiguration Configuration, Trial Trial, IReadOnlyList<double> SearchErrors, double Time)
{
    /// <summary>The origin of what the search begins with.</summary>
    public const string StartOrigin = "start";

    /// <summary>The origin of what a start that is too large was made smaller to.</summary>
    public const string SizeOrigin = "size";

    /// <summary>Layers on integers.</summary>
    public int Quantized => Trial.Plan.Layers.Count;

    /// <summary>One error for each validation sample; null where it was not judged.</summary>
    public IReadOnlyList<double>? ValidationErrors { get; init; }

    public MeanError SearchError => MeanError.Of(SearchErrors);

    public MeanError? ValidationError => ValidationErrors is null ? null : MeanError.Of(ValidationErrors);
}
