using System.Globalization;
using QuantCluster.Cluster;

namespace QuantCluster.Client.Cluster;

/// <summary>How a job goes, in a few words.</summary>
internal static class StateText
{
    public static string Of(JobState state) => state.Phase switch
    {
        JobPhase.Running when state.Stage is { } stage => string.Create(CultureInfo.InvariantCulture,
            $"{stage} {state.Done}/{state.Total}{(state.Detail is { } detail ? $" ({detail})" : "")}{Rate(state)}, {state.Workers} worker{(state.Workers == 1 ? "" : "s")}{Best(state)}"),
        _ => state.Message ?? "",
    };

    private static string Best(JobState state) => state.BestError is { } error ? string.Create(CultureInfo.InvariantCulture, $", best error {error:0.######}") : "";

    private static string Rate(JobState state)
    {
        if (state.Total <= 1 || state.Rate <= 0 || state.Done >= state.Total)
            return "";
        TimeSpan left = TimeSpan.FromSeconds(Math.Min((state.Total - state.Done) / state.Rate, 1e6));
        return string.Create(CultureInfo.InvariantCulture, $", {state.Rate:0.#}/s, {Left(left)} left");
    }

    private static string Left(TimeSpan left) => left.TotalHours >= 1
        ? string.Create(CultureInfo.InvariantCulture, $"{(int)left.TotalHours} h {left.Minutes} min")
        : left.TotalMinutes >= 1
            ? string.Create(CultureInfo.InvariantCulture, $"{left.Minutes} min {left.Seconds} s")
            : string.Create(CultureInfo.InvariantCulture, $"{left.TotalSeconds:0} s");
}
