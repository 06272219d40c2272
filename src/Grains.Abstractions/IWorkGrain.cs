using Orleans.Concurrency;

namespace QuantCluster.Grains;

/// <summary>Does a job's items on one silo, and keeps there what they have in common.</summary>
public interface IWorkGrain : IGrainWithStringKey
{
    /// <summary>
    /// Does an item. An order that is already being done here is joined, one that was answered here lately is answered again, none
    /// is done twice. The time-out is far beyond any item: whoever waits asks <see cref="IsHoldingAsync"/> meanwhile.
    /// </summary>
    [Alias("Execute"), ResponseTimeout("06:00:00")]
    Task<WorkAnswer> ExecuteAsync(WorkOrder order, CancellationToken cancellation);

    /// <summary>
    /// Whether the item of this key is waiting or running here. A call can be lost, and a grain can begin a new life
    /// on another silo: then it is not, and is to be sent again.
    /// </summary>
    [Alias("IsHolding"), ResponseTimeout("00:00:05"), AlwaysInterleave]
    Task<bool> IsHoldingAsync(string key);
}
