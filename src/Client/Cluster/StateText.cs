using System.Globalization;
using QuantCluster.Cluster;
using QuantCluster.Search;

namespace QuantCluster.Client.Cluster;

/// <summary>How a job goes, in a few words.</summary>
internal static class StateText
{
    public static string Of(JobState state) => state.Phase switch
    {
        JobPhase.Running when state.Stage is { } stage => string.Create(CultureInfo.InvariantCulture,
            $"{stage} {state.Done}/{state.Total}{(state.Detail is { } detail ? $" ({detail})" : "")}{Rate(state)}, {state.Workers} worker{(state.Workers == 1 ? "" : "s")}{Best(state)}"),
        _ => Why(state) ?? "",
    };

    /// <summary>Why a job is in its phase; null where there is no more to say than the phase's name.</summary>
    public static string? Why(JobState state) => string.Equals(state.Message, state.Phase.ToString(), StringComparison.OrdinalIgnoreCase) ? null : state.Message;

    private static string Best(JobState state) => state.BestError is { } error ? string.Create(CultureInfo.InvariantCulture, $", best error {error:0.######}") : "";

    private static string Rate(JobState state)
    {
        // The search counts the steps of each of its phases from 0 on: they say nothing of what is left.
        if (state.Stage == SearchProgress.StageName || state.Total <= 1 || state.Rate <= 0 || state.Done >= state.Total)
            return "";
        TimeSpan left = TimeSpan.FromSeconds(Math.Min((state.Total - state.Done) / state.Rate, 1e6));
        return string.Create(CultureInfo.InvariantCulture, $", {state.Rate:0.#}/s, {TimeSpans.Text(left)} left");
    }
}
