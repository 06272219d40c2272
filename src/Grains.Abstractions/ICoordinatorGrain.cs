using Orleans.Concurrency;

namespace QuantCluster.Grains;

/// <summary>
/// A job of the store (key: its id). Runs its stages with the cluster as the engine and is the one writer of its
/// journal. When its silo dies a reminder brings it back on another, where it goes on from the job's folder. How far it
/// is, and the wish to stop it, are files of that folder.
/// </summary>
[Alias("QuantCluster.ICoordinatorGrain")]
public interface ICoordinatorGrain : IGrainWithStringKey
{
    /// <summary>Takes the job up, unless that was done before or it is over.</summary>
    /// <returns>Whether it is being done now.</returns>
    [Alias("Start")]
    Task<bool> StartAsync();

    /// <summary>Who coordinates, if anyone does.</summary>
    [Alias("Describe"), AlwaysInterleave]
    Task<CoordinatorDescription> DescribeAsync();
}

/// <summary>A job's coordinator.</summary>
/// <param name="IsRunning">Whether it runs the job now.</param>
/// <param name="Silo">Name of its silo.</param>
/// <param name="Restarts">How often the job was taken up again after a crash or a silo's farewell.</param>
[GenerateSerializer, Immutable, Alias("QuantCluster.CoordinatorDescription")]
public sealed record CoordinatorDescription([property: Id(0)] bool IsRunning, [property: Id(1)] string Silo, [property: Id(2)] int Restarts);
