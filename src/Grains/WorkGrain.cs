using Orleans.Concurrency;

namespace QuantCluster.Grains;

/// <summary>
/// What shards and layers have in common: the job is kept open on this silo while they live, an item under way is
/// joined rather than done twice. Reentrant, so that an item that runs does not keep others from its silo's other cores.
/// </summary>
[Reentrant]
public abstract class WorkGrain : Grain, IWorkGrain
{
    private readonly JobRooms _rooms;
    private readonly SiloWork _work;
    private readonly RecentAnswers _recent;
    private readonly Dictionary<string, Task<WorkAnswer>> _underWay = [];
    private readonly Dictionary<string, JobRooms.Lease> _leases = [];

    private protected WorkGrain(JobRooms rooms, SiloWork work, RecentAnswers recent) => (_rooms, _work, _recent) = (rooms, work, recent);

    public async Task<WorkAnswer> ExecuteAsync(WorkOrder order, CancellationToken cancellation)
    {
        if (_underWay.TryGetValue(order.Key, out Task<WorkAnswer>? there))
        {
            OrderInstruments.Work.AddJoined();
            return await there.WaitAsync(cancellation);
        }

        if (_recent.Find(order) is { } answered)
        {
            OrderInstruments.Work.AddRepeated();
            return answered;
        }

        OrderInstruments.Work.AddNew();
        if (!_leases.TryGetValue(order.Stamp, out JobRooms.Lease? lease))
            _leases[order.Stamp] = lease = _rooms.Enter(order.Job, order.Stamp);
        Task<WorkAnswer> work = _work.DoAsync(lease, order, cancellation);
        _underWay[order.Key] = work;
        try
        {
            WorkAnswer answer = await work;
            _recent.Keep(order, answer);
            return answer;
        }
        finally
        {
            _underWay.Remove(order.Key);
        }
    }

    public virtual Task<bool> IsHoldingAsync(string key) => Task.FromResult(_underWay.ContainsKey(key));

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        // A silo that says farewell finishes what it has begun, as far as its patience goes.
        Task all = Task.WhenAll(_underWay.Values);
        await all.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        if (_underWay.Values.All(w => w.IsCompleted))
        {
            foreach (JobRooms.Lease lease in _leases.Values)
                lease.Dispose();
        }
    }
}
