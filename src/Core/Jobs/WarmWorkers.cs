namespace QuantCluster.Jobs;

/// <summary>
/// What each worker was given lately, and so has warm (<see cref="WorkItem.Affinity"/>). A worker keeps little: what it did
/// longer ago counts for nothing. Thread-safe.
/// </summary>
public sealed class WarmWorkers
{
    /// <summary>Items of a worker that are remembered.</summary>
    private const int Remembered = 128;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, Queue<IReadOnlyList<string>>> _recent = [];

    // Name to who has it, and of how many items.
    private readonly Dictionary<string, Dictionary<string, int>> _holders = [];

    /// <summary>A worker does the item, or has done it.</summary>
    public void Note(string worker, WorkItem item)
    {
        if (item.Affinity.Count == 0)
            return;
        lock (_lock)
        {
            if (!_recent.TryGetValue(worker, out Queue<IReadOnlyList<string>>? recent))
                _recent[worker] = recent = new();
            recent.Enqueue(item.Affinity);
            foreach (string name in item.Affinity)
            {
                if (!_holders.TryGetValue(name, out Dictionary<string, int>? holders))
                    _holders[name] = holders = [];
                holders[worker] = holders.GetValueOrDefault(worker) + 1;
            }

            if (recent.Count > Remembered)
                Forget(worker, recent.Dequeue());
        }
    }

    /// <summary>Forgets all workers but these.</summary>
    public void KeepOnly(IEnumerable<string> workers)
    {
        lock (_lock)
        {
            foreach (string gone in _recent.Keys.Except(workers).ToArray())
            {
                _recent.Remove(gone, out Queue<IReadOnlyList<string>>? recent);
                foreach (IReadOnlyList<string> names in recent!)
                    Forget(gone, names);
            }
        }
    }

    /// <summary>How well an item suits a worker: 0 where it has nothing of it, most where it has what comes first.</summary>
    public int Fit(string worker, WorkItem item) => Fit(item, holders => holders.ContainsKey(worker));

    /// <summary>The best that an item suits anybody else.</summary>
    public int FitOfOthers(string worker, WorkItem item) => Fit(item, holders => holders.Count > (holders.ContainsKey(worker) ? 1 : 0));

    private int Fit(WorkItem item, Func<Dictionary<string, int>, bool> holds)
    {
        lock (_lock)
        {
            for (int i = 0; i < item.Affinity.Count; i++)
            {
                if (_holders.TryGetValue(item.Affinity[i], out Dictionary<string, int>? holders) && holds(holders))
                    return item.Affinity.Count - i;
            }

            return 0;
        }
    }

    private void Forget(string worker, IReadOnlyList<string> names)
    {
        foreach (string name in names)
        {
            Dictionary<string, int> holders = _holders[name];
            if (--holders[worker] > 0)
                continue;
            holders.Remove(worker);
            if (holders.Count == 0)
                _holders.Remove(name);
        }
    }
}
