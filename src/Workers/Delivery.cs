using QuantCluster.Jobs;
using StackExchange.Redis;

namespace QuantCluster.Workers;

/// <summary>An item that this worker has been given.</summary>
/// <param name="Job">Whose it is.</param>
/// <param name="Id">Its entry in the job's stream.</param>
/// <param name="Message">What is to be done.</param>
internal sealed record Delivery(string Job, RedisValue Id, ItemMessage Message)
{
    public WorkItem Item { get; } = Message.ToItem();

    /// <summary>Stops the work on it.</summary>
    public CancellationTokenSource Cancellation { get; } = new();
}
