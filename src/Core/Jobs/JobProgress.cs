namespace QuantCluster.Jobs;

/// <summary>How far a stage is; for people's eyes only.</summary>
/// <param name="Stage">Its name, e.g. <c>calibrate</c>.</param>
/// <param name="Done">Steps finished, those of an earlier process included.</param>
/// <param name="Total">All steps; 1 for a stage done in one go.</param>
public readonly record struct JobProgress(string Stage, int Done, int Total)
{
    /// <summary>What of the stage is being done, e.g. the layer the search decides; such a report says nothing new of <see cref="Done"/>.</summary>
    public string? Detail { get; init; }

    /// <summary>Least error of the whole model that the search has found so far; null where it is not known.</summary>
    public double? BestError { get; init; }
}
