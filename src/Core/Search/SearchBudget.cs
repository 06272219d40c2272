namespace QuantCluster.Search;

/// <summary>When to stop: by number of trials, which is the same on every machine, by time, or because someone asks.</summary>
/// <param name="elapsed">Seconds the search has taken.</param>
/// <param name="stop">Someone asks for the best so far.</param>
internal sealed class SearchBudget(SearchSettings settings, Func<double> elapsed, CancellationToken stop)
{
    private double _most = settings.MostTrials;

    /// <summary>Stops running trials at once: their results are not waited for.</summary>
    public CancellationToken Stop => stop;

    /// <summary>Seconds the search has taken.</summary>
    public double Elapsed => elapsed();

    /// <summary>Trials that a share of the budget allows; no more than what the time was found to be enough for.</summary>
    public double Trials(double share) => _most >= int.MaxValue ? double.PositiveInfinity : share * _most;

    /// <summary>Seconds left; null where time is not limited.</summary>
    public double? SecondsLeft => settings.Seconds - elapsed();

    /// <summary>The part that is used after so many trials; null where nothing is limited.</summary>
    public double? Used(int trials)
    {
        double byTrials = trials / Trials(1), byTime = settings.Seconds is { } seconds ? elapsed() / seconds : 0;
        double used = Math.Max(byTrials, byTime);
        return used > 0 ? used : null;
    }

    /// <summary>Limits trials to what the time is enough for, at the pace so far.</summary>
    public void LimitTo(double trials) => _most = Math.Min(_most, trials);

    /// <summary>Whether a part of the time is over.</summary>
    /// <param name="share">Of all the time there is, from the beginning.</param>
    public bool IsOver(double share) =>
        stop.IsCancellationRequested || (settings.Seconds is { } seconds && elapsed() >= share * seconds);

    /// <summary>Whether trials remain of a share of them.</summary>
    public bool Allows(TrialLedger ledger, int more, double share) => ledger.Count + more <= Trials(share);
}
