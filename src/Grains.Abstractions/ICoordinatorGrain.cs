using Orleans.Concurrency;

namespace QuantCluster.Grains;

/// <summary>
/// A job (key: its id). Runs its stages with the cluster as the engine and is the one writer of its journal. When its
/// silo dies a reminder brings it back on another, where it goes on from the job's folder.
/// </summary>
[Alias("QuantCluster.ICoordinatorGrain")]
public interface ICoordinatorGrain : IGrainWithStringKey
{
    /// <summary>Accepts the job in a folder and starts it; again for the same folder, goes on with what was stopped or failed.</summary>
    /// <returns>The job's state; <see cref="JobPhase.Failed"/> with the reason where it is refused.</returns>
    [Alias("Submit")]
    Task<JobState> SubmitAsync(string folder);

    /// <summary>How far it is. A job whose silo died goes on with this call, should it come before the reminder.</summary>
    [Alias("GetState"), AlwaysInterleave]
    Task<JobState> GetStateAsync();

    /// <summary>Stops the job; what is finished is kept.</summary>
    [Alias("Cancel")]
    Task<JobState> CancelAsync();
}
