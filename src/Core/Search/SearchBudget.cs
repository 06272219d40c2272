namespace QuantCluster.Search;

/// <summary>When to stop: by number of trials, which is the same on every machine, by time, or because someone asks.</summary>
/// <param name="elapsed">Seconds the search has taken.</param>
/// <param name="stop">Someone asks for the best so far.</param>
internal sealed class SearchBudget(SearchSettings settings, Func<double> elapsed, CancellationToken stop)
{
    /// <summary>Stops running trials at once: their results are not waited for.</summary>
    public CancellationToken Stop => stop;

    /// <summary>Whether a part of the time is over.</summary>
    /// <param name="share">Of all the time there is, from the beginning.</param>
    public bool IsOver(double share) =>
        stop.IsCancellationRequested || (settings.Seconds is { } seconds && elapsed() >= share * seconds);

    /// <summary>Whether trials remain of a share of them.</summary>
    public bool Allows(TrialLedger ledger, int more, double share) =>
        settings.Trials is not { } most || ledger.Count + more <= share * most;
}
