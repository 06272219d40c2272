namespace QuantCluster.Grains;

/// <summary>
/// A route's grains, side by side, one item at a time on each. Where a grain lives is known from its answers; the next
/// item goes to a free one whose silo has the session warm and a core free, else a new one is placed. Thread-safe.
/// </summary>
internal sealed class Lanes(IGrainFactory grains)
{
    private const int MostRemembered = 4096;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, List<Lane>> _free = [];
    private readonly Dictionary<string, int> _made = [];
    private readonly Dictionary<string, string> _warmOn = [];
    private readonly Dictionary<string, int> _busy = [];
    private readonly Dictionary<string, int> _cores = [];

    /// <summary>Takes a lane for one item; it is given back by <see cref="Return"/> or <see cref="Retire"/>.</summary>
    public Lane Take(WorkRoute route)
    {
        lock (_lock)
        {
            if (!_free.TryGetValue(route.Part, out List<Lane>? free))
                _free[route.Part] = free = [];
            string? warm = route.Sessions is null ? null : _warmOn.GetValueOrDefault(route.Sessions);
            Lane? best = free.Where(l => HasCore(l.Silo)).OrderBy(l => l.Silo == warm ? 0 : 1).ThenBy(l => Load(l.Silo)).FirstOrDefault();
            if (best is not null)
            {
                free.Remove(best);
            }
            else
            {
                int number = _made[route.Part] = _made.GetValueOrDefault(route.Part) + 1;
                best = new Lane(route, route.Grain(grains, number));
            }

            Count(best.Silo, 1);
            return best;
        }
    }

    /// <summary>The lane's item is done.</summary>
    public void Return(Lane lane, WorkAnswer answer)
    {
        lock (_lock)
        {
            Count(lane.Silo, -1);
            lane.Silo = answer.Silo;
            _cores[answer.Silo] = answer.Cores;
            _free[lane.Route.Part].Add(lane);
            if (lane.Route.Sessions is not { } sessions)
                return;
            if (_warmOn.Count > MostRemembered)
                _warmOn.Clear();
            _warmOn[sessions] = answer.Silo;
        }
    }

    /// <summary>The lane's item was lost: its grain is not asked again, and idles out wherever it may be.</summary>
    public void Retire(Lane lane)
    {
        lock (_lock)
            Count(lane.Silo, -1);
    }

    private bool HasCore(string? silo) => Load(silo) < 1;

    private double Load(string? silo) => silo is null ? 0 : _busy.GetValueOrDefault(silo) / (double)_cores.GetValueOrDefault(silo, 1);

    private void Count(string? silo, int change)
    {
        if (silo is not null)
            _busy[silo] = _busy.GetValueOrDefault(silo) + change;
    }

    /// <summary>A grain of a route.</summary>
    public sealed class Lane(WorkRoute route, IWorkGrain grain)
    {
        public WorkRoute Route => route;

        public IWorkGrain Grain => grain;

        /// <summary>Address of its silo, from its last answer; null before the first.</summary>
        public string? Silo { get; set; }
    }
}
