using QuantCluster.Jobs;
using StackExchange.Redis;

namespace QuantCluster.Workers;

/// <summary>An item that this worker has been given.</summary>
/// <param name="Job">Whose it is.</param>
/// <param name="Id">Its entry in the job's stream.</param>
/// <param name="Message">What is to be done.</param>
/// <param name="Deliveries">How many workers have been given it, this one included: the others died with it.</param>
internal sealed record Delivery(string Job, RedisValue Id, ItemMessage Message, int Deliveries)
{
    /// <summary>
    /// An item that killed its worker this often is not given to another. More than <see cref="IWorkEngine.MaximumAttempts"/>:
    /// machines also die of themselves, and an item that has bad luck must not end its job.
    /// </summary>
    public const int MaximumDeliveries = 5;

    /// <summary>Stops the work on it.</summary>
    public CancellationTokenSource Cancellation { get; } = new();
}
