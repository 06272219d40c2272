using QuantCluster.Jobs;

namespace QuantCluster.Workers;

/// <summary>Jobs a worker has open, warm from one item to the next, until no item of theirs came for a while. Thread-safe.</summary>
internal sealed class JobShelf(Func<string, OpenedJob> open) : IDisposable
{
    private readonly Dictionary<string, Place> _places = [];
    private readonly Lock _lock = new();

    /// <summary>Does something with a job, which is opened if it is not.</summary>
    /// <exception cref="QuantException">It cannot be opened.</exception>
    public async ValueTask<T> UseAsync<T>(string job, Func<JobContext, ValueTask<T>> use)
    {
        Place place;
        lock (_lock)
        {
            if (!_places.TryGetValue(job, out place!))
                _places[job] = place = new Place(() => open(job));
            place.Users++;
        }

        try
        {
            return await use(place.Job.Value.Context);
        }
        finally
        {
            lock (_lock)
            {
                place.Users--;
                place.Used = TimeProvider.System.GetTimestamp();

                // What could not be opened now may be later.
                if (!place.Job.IsValueCreated)
                    _places.Remove(job);
            }
        }
    }

    /// <summary>Closes what was not used for as long.</summary>
    public void Close(TimeSpan unused)
    {
        List<Place> closed = [];
        lock (_lock)
        {
            foreach ((string job, Place place) in _places.ToArray())
            {
                if (place.Users > 0 || TimeProvider.System.GetElapsedTime(place.Used) < unused)
                    continue;
                _places.Remove(job);
                closed.Add(place);
            }
        }

        closed.ForEach(p => p.Job.Value.Close());
    }

    public void Dispose() => Close(TimeSpan.Zero);

    private sealed class Place(Func<OpenedJob> open)
    {
        public Lazy<OpenedJob> Job { get; } = new(open);

        public int Users { get; set; }

        public long Used { get; set; }
    }
}
