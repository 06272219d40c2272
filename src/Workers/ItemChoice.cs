using QuantCluster.Jobs;

namespace QuantCluster.Workers;

/// <summary>An item, and the worker it is meant for: null for whoever comes first.</summary>
internal readonly record struct MeantItem(WorkItem Item, string? Worker);

/// <summary>
/// Which items of a run go out next, and whom they are meant for. Not thread-safe.
/// </summary>
/// <param name="warm">What workers keep, known from all runs.</param>
/// <param name="times">How long items take, known from all runs.</param>
internal sealed class ItemChoice(Capacity capacity, WarmWorkers warm, ItemTimes times)
{
    private readonly WaitingItems _waiting = new(warm);
    private readonly Dictionary<string, string> _meant = [];
    private readonly Dictionary<string, int> _given = [];

    public int Waiting => _waiting.Count;

    /// <summary>How many items may be taken from their source before their results are read.</summary>
    public int Ahead => _waiting.Count > 0 && times.PayToBeChosen(_waiting.First) ? Math.Max(WaitingItems.ChosenFrom, capacity.Ahead) : capacity.Ahead;

    public void Add(WorkItem item) => _waiting.Add(item);

    /// <summary>
    /// As many items as there is room for. Where it matters who does them, no more are out than there are cores: whoever is
    /// free is given what suits it of all that wait. Of others the next ones lie ready in Redis.
    /// </summary>
    /// <param name="outstanding">Items that are out.</param>
    public IReadOnlyList<MeantItem> Take(int outstanding)
    {
        List<MeantItem> taken = [];
        while (_waiting.Count > 0)
        {
            bool chosen = capacity.Cores > 0 && times.PayToBeChosen(_waiting.First);
            if (outstanding + taken.Count >= (chosen ? capacity.Cores : capacity.Outstanding))
                break;
            string? worker = chosen ? capacity.Members.Where(m => GivenTo(m.Name) < m.Cores).MinBy(m => GivenTo(m.Name) / (double)m.Cores)?.Name : null;
            WorkItem item = _waiting.TakeFor(worker, capacity.Cores);
            if (worker is not null && _meant.TryAdd(item.Key, worker))
            {
                _given[worker] = GivenTo(worker) + 1;
                warm.Note(worker, item);
            }

            taken.Add(new MeantItem(item, worker));
        }

        return taken;
    }

    /// <summary>An item came back from a worker, whoever it was meant for.</summary>
    public void Returned(WorkResult result, string worker)
    {
        times.Note(result);
        if (!_meant.Remove(result.Item.Key, out string? meant))
            return;
        _given[meant]--;
        if (meant == worker)
            return;
        warm.Note(worker, result.Item);

        // They took each other's.
        if (_meant.FirstOrDefault(m => m.Value == worker).Key is { } other)
        {
            _meant[other] = meant;
            _given[worker]--;
            _given[meant]++;
        }
    }

    private int GivenTo(string worker) => _given.GetValueOrDefault(worker);
}
