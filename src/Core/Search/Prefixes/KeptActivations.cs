using QuantCluster.Data;

namespace QuantCluster.Search.Prefixes;

/// <summary>
/// What beginnings of candidates gave on blocks of samples, up to a number of bytes; the least recently used goes first.
/// Thread-safe.
/// </summary>
/// <param name="most">Bytes, at most.</param>
internal sealed class KeptActivations(long most)
{
    /// <summary>Beginnings remembered by name alone; then all are forgotten.</summary>
    private const int MostSeen = 8192;

    private readonly Lock _lock = new();
    private readonly HashSet<string> _seen = [];
    private readonly Dictionary<string, Kept> _kept = [];
    private long _bytes, _clock;

    /// <summary>One tensor a sample; null where they are not there.</summary>
    public IReadOnlyList<DenseTensor>? Find(string name)
    {
        lock (_lock)
        {
            if (!_kept.TryGetValue(name, out Kept? kept))
                return null;
            kept.LastUse = ++_clock;
            return kept.Tensors;
        }
    }

    /// <summary>
    /// Whether a beginning is worth keeping: not when it is met for the first time. Most beginnings are a candidate's own,
    /// and would only drive out those that many share.
    /// </summary>
    public bool Deserves(string name)
    {
        lock (_lock)
        {
            if (_seen.Count >= MostSeen)
                _seen.Clear();
            return !_seen.Add(name) && !_kept.ContainsKey(name);
        }
    }

    public void Keep(string name, IReadOnlyList<DenseTensor> tensors)
    {
        long bytes = tensors.Sum(t => (long)t.Bytes.Length);
        lock (_lock)
        {
            if (bytes > most || !_kept.TryAdd(name, new Kept(tensors, bytes) { LastUse = ++_clock }))
                return;
            _bytes += bytes;
            while (_bytes > most)
            {
                (string oldest, Kept kept) = _kept.MinBy(k => k.Value.LastUse);
                _kept.Remove(oldest);
                _bytes -= kept.Bytes;
            }
        }
    }

    public void Clear()
    {
        lock (_lock)
        {
            _seen.Clear();
            _kept.Clear();
            _bytes = 0;
        }
    }

    private sealed record Kept(IReadOnlyList<DenseTensor> Tensors, long Bytes)
    {
        public long LastUse { get; set; }
    }
}
