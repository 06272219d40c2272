namespace QuantCluster.Jobs;

/// <summary>
/// The next items of a run, a few of them, of which each worker is given what suits it best; none waits for a worker while
/// another is free. Not thread-safe.
/// </summary>
public sealed class WaitingItems(WarmWorkers warm)
{
    /// <summary>
    /// An item is next, whoever is free, once each core of the workers had so many that were preferred to it: what suits one of many
    /// workers is passed over for all of the others in between. Of cores it counts two at least.
    /// </summary>
    private const int MostPassedOver = 8;

    /// <summary>What is chosen from, where it matters: about what a step of a search asks for.</summary>
    public const int ChosenFrom = 64;

    private readonly List<Waiting> _items = [];

    public int Count => _items.Count;

    /// <summary>The first; there must be one.</summary>
    public WorkItem First => _items[0].Item;

    public void Add(WorkItem item) => _items.Add(new Waiting(item));

    /// <summary>
    /// Takes what suits the worker better than anybody else, else what nobody has begun with, else what others have too:
    /// of equals the first, and what can wait only where there is nothing else. There must be one.
    /// </summary>
    /// <param name="worker">Null where it is not known who will do it: the first.</param>
    /// <param name="cores">Items that all workers together do at a time.</param>
    public WorkItem TakeFor(string? worker, int cores)
    {
        bool chooses = _items[0].PassedOver < MostPassedOver * Math.Max(2, cores), waits = chooses && _items.Exists(i => !i.Item.CanWait);
        int chosen = waits ? _items.FindIndex(i => !i.Item.CanWait) : 0;
        if (worker is not null && chooses && _items.Exists(i => i.Item.Affinity.Count > 0))
        {
            (int Gain, int Own) best = (int.MinValue, 0);
            for (int i = 0; i < _items.Count; i++)
            {
                if (waits && _items[i].Item.CanWait)
                    continue;
                int own = warm.Fit(worker, _items[i].Item);
                (int Gain, int Own) fit = (own - warm.FitOfOthers(worker, _items[i].Item), own);
                if (fit.CompareTo(best) > 0)
                    (best, chosen) = (fit, i);
            }
        }

        for (int i = 0; i < chosen; i++)
            _items[i].PassedOver++;
        WorkItem item = _items[chosen].Item;
        _items.RemoveAt(chosen);
        return item;
    }

    private sealed class Waiting(WorkItem item)
    {
        public WorkItem Item => item;

        public int PassedOver { get; set; }
    }
}
