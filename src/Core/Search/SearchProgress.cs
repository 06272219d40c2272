namespace QuantCluster.Search;

/// <summary>How far the search is; for people's eyes only.</summary>
/// <param name="Phase">What is being done: sensitivity, size, relief, an order's name, finish, polish.</param>
/// <param name="Layer">The layer that is being decided; empty where none is.</param>
/// <param name="Step">Steps done of <paramref name="Steps"/> in this phase.</param>
/// <param name="Error">Mean error of the phase's state on the search samples.</param>
/// <param name="Best">Mean error of the best so far on the validation samples; null where it is as it was.</param>
/// <param name="Trials">Trials so far.</param>
/// <param name="Used">Part of the budget that is used; null where there is none.</param>
public readonly record struct SearchProgress(string Phase, string Layer, int Step, int Steps, double? Error, double? Best, int Trials, double? Used)
{
    /// <summary>The search's name among stages.</summary>
    public const string StageName = "search";

    /// <summary>Whether the search has come to its end.</summary>
    public bool IsOver { get; init; }
}
