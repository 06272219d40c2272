using QuantCluster.Jobs;

namespace QuantCluster.Grains;

/// <summary>
/// A route's grains, side by side, one item at a time on each. An item goes to a silo with a free core: best one that
/// has warm what it needs, else one that has its block open, else to the least busy; there to a free grain of the route,
/// or a new one. Thread-safe.
/// </summary>
internal sealed class Lanes(IGrainFactory grains, WarmWorkers warm)
{
    /// <summary>
    /// Where more items wait than these for each core, the next one of a silo lies ready there, and loses no time on its way; of
    /// fewer none is to wait for one silo while another may be free.
    /// </summary>
    private const int Plenty = 2;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, List<Lane>> _free = [];
    private readonly Dictionary<string, int> _made = [];
    private readonly Dictionary<string, int> _busy = [];
    private readonly Dictionary<string, int> _cores = [];
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Items that all silos together do at a time.</summary>
    public int Cores
    {
        get
        {
            lock (_lock)
                return _cores.Values.Sum();
        }
    }

    /// <summary>The silos there are now.</summary>
    public void Know(IEnumerable<SiloReport> silos)
    {
        lock (_lock)
        {
            _cores.Clear();
            foreach (SiloReport silo in silos)
                _cores[silo.Address] = silo.Cores;
            warm.KeepOnly(_cores.Keys);
            Changed();
        }
    }

    /// <summary>The least busy of the silos that may be given an item; waits for one where none may. Null where no silo is known.</summary>
    /// <param name="waiting">Items to choose from.</param>
    public async Task<string?> FreeSiloAsync(int waiting, CancellationToken cancellation)
    {
        while (true)
        {
            Task changed;
            lock (_lock)
            {
                if (_cores.Count == 0)
                    return null;
                string silo = _cores.Keys.MinBy(Load)!;
                int ready = waiting > Plenty * Cores ? 1 : 0;
                if (_busy.GetValueOrDefault(silo) < _cores[silo] + ready)
                    return silo;
                changed = _changed.Task;
            }

            await changed.WaitAsync(cancellation);
        }
    }

    /// <summary>Takes a lane for one item; it is given back by <see cref="Return"/> or <see cref="Retire"/>.</summary>
    /// <param name="meant">The silo it was chosen for; null where it was for none.</param>
    public Lane Take(WorkRoute route, WorkItem item, string? meant)
    {
        lock (_lock)
        {
            if (!_free.TryGetValue(route.Part, out List<Lane>? free))
                _free[route.Part] = free = [];
            string? silo = meant is not null && _cores.ContainsKey(meant) ? meant : Choose(item, free);
            Lane? lane = free.FirstOrDefault(l => l.Silo == silo);
            if (lane is not null)
            {
                free.Remove(lane);
            }
            else
            {
                int number = _made[route.Part] = _made.GetValueOrDefault(route.Part) + 1;
                string key = route.KeyOf(number);
                lane = new Lane(route, key, route.Grain(grains, key)) { Silo = silo };
            }

            if (lane.Silo is { } chosen)
                warm.Note(chosen, item);
            Count(lane.Silo, 1);
            return lane;
        }
    }

    /// <summary>The lane's item is done.</summary>
    public void Return(Lane lane, WorkItem item, WorkAnswer answer)
    {
        lock (_lock)
        {
            Count(lane.Silo, -1);
            if (lane.Silo != answer.Silo)
                warm.Note(answer.Silo, item);
            if (!answer.IsShared)
                lane.Silo = answer.Silo;
            _free[lane.Route.Part].Add(lane);
        }
    }

    /// <summary>
    /// The silo for what watches over a lane's item, where that is not there yet: the lane's own, to be near; but another than the
    /// coordinator's where there is one, so that one death does not take both.
    /// </summary>
    /// <param name="home">The coordinator's silo.</param>
    public string? SiloOfWatcher(Lane lane, string? home)
    {
        if (lane.Silo is null || lane.Silo != home)
            return lane.Silo;
        lock (_lock)
            return _cores.Keys.Where(silo => silo != home).MinBy(Load) ?? home;
    }

    /// <summary>The lane's item was lost: neither its grain nor, until it is heard of again, its silo is asked once more.</summary>
    public void Retire(Lane lane)
    {
        lock (_lock)
        {
            Count(lane.Silo, -1);
            if (lane.Silo is not null)
                _cores.Remove(lane.Silo);
        }
    }

    /// <summary>The silo for an item; null where none is known, and the cluster places it.</summary>
    private string? Choose(WorkItem item, List<Lane> free)
    {
        HashSet<string?> open = [.. free.Select(l => l.Silo)];
        return _cores.Keys.OrderBy(silo => Load(silo) >= 1).ThenByDescending(silo => warm.Fit(silo, item)).ThenBy(silo => open.Contains(silo) ? 0 : 1).ThenBy(Load).FirstOrDefault();
    }

    private double Load(string silo) => _busy.GetValueOrDefault(silo) / (double)_cores.GetValueOrDefault(silo, 1);

    private void Count(string? silo, int change)
    {
        if (silo is not null)
            _busy[silo] = _busy.GetValueOrDefault(silo) + change;
        if (change < 0)
            Changed();
    }

    private void Changed()
    {
        _changed.TrySetResult();
        _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>A grain of a route.</summary>
    public sealed class Lane(WorkRoute route, string key, IWorkGrain grain)
    {
        public WorkRoute Route => route;

        public string Key => key;

        public IWorkGrain Grain => grain;

        /// <summary>Address of its silo: where it is to be placed, after its first answer where it is.</summary>
        public string? Silo { get; set; }
    }
}
