namespace QuantCluster.Jobs;

/// <summary>How far a stage is; for people's eyes only.</summary>
/// <param name="Stage">Its name, e.g. <c>calibrate</c>.</param>
/// <param name="Done">Steps finished, those of an earlier process included.</param>
/// <param name="Total">All steps; 1 for a stage done in one go.</param>
public readonly record struct JobProgress(string Stage, int Done, int Total);
