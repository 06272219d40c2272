using System.Collections.Concurrent;

namespace QuantCluster.Jobs;

/// <summary>How long items of each kind take. Thread-safe.</summary>
public sealed class ItemTimes
{
    /// <summary>
    /// The way to a coordinator and back is nothing beside items that take longer. A worker is given one of those when it has
    /// none, whichever suits it best then; of shorter ones the next waits for it already.
    /// </summary>
    private static readonly TimeSpan Long = TimeSpan.FromMilliseconds(20);

    /// <summary>What one item more counts for.</summary>
    private const double Weight = 0.1;

    private readonly ConcurrentDictionary<string, double> _seconds = new();

    public void Note(WorkResult result)
    {
        double seconds = result.Elapsed.TotalSeconds;
        if (result.Failure is null)
            _seconds.AddOrUpdate(result.Item.Kind, seconds, (_, before) => before + (Weight * (seconds - before)));
    }

    /// <summary>Whether it pays to choose who does an item, once someone is free; as long as nothing is known of its kind it does.</summary>
    public bool PayToBeChosen(WorkItem item) =>
        item.Affinity.Count > 0 && (!_seconds.TryGetValue(item.Kind, out double seconds) || seconds >= Long.TotalSeconds);

    /// <summary>Whether items of its kind are known to be long: none should wait for one worker while another is free.</summary>
    public bool AreLong(WorkItem item) => _seconds.TryGetValue(item.Kind, out double seconds) && seconds >= Long.TotalSeconds;
}
