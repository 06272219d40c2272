using QuantCluster.Data;

namespace QuantCluster.Search.Prefixes;

/// <summary>
/// What beginnings of candidates gave on blocks of samples, up to a number of bytes; the least recently used goes first.
/// Most beginnings are a candidate's own, and would only drive out those that many share: what was met once has a part of the
/// room for itself, enough for the candidates that come next, and stays only if one of them meets it again. Thread-safe.
/// </summary>
/// <param name="most">Bytes, at most.</param>
internal sealed class KeptActivations(long most)
{
    /// <summary>Beginnings remembered by name alone; then all are forgotten.</summary>
    private const int MostSeen = 8192;

    /// <summary>The part of the room for what was met once.</summary>
    private const double MetOnce = 3.0 / 8;

    private readonly Lock _lock = new();
    private readonly HashSet<string> _seen = [];
    private readonly Dictionary<string, Kept> _kept = [];
    private long _once, _bytes, _clock;

    /// <summary>One tensor a sample; null where they are not there.</summary>
    public IReadOnlyList<DenseTensor>? Find(string name)
    {
        lock (_lock)
        {
            if (!_kept.TryGetValue(name, out Kept? kept))
                return null;
            if (kept.IsOnce)
            {
                kept.IsOnce = false;
                _once -= kept.Bytes;
            }

            kept.LastUse = ++_clock;
            return kept.Tensors;
        }
    }

    /// <summary>Whether a beginning is not there yet.</summary>
    public bool Lacks(string name)
    {
        lock (_lock)
            return !_kept.ContainsKey(name);
    }

    public void Keep(string name, IReadOnlyList<DenseTensor> tensors)
    {
        long bytes = tensors.Sum(t => (long)t.Bytes.Length);
        lock (_lock)
        {
            if (_seen.Count >= MostSeen)
                _seen.Clear();
            bool isOnce = _seen.Add(name);
            if (bytes > (isOnce ? MetOnce : 1) * most || !_kept.TryAdd(name, new Kept(tensors, bytes) { IsOnce = isOnce, LastUse = ++_clock }))
                return;
            _bytes += bytes;
            _once += isOnce ? bytes : 0;
            while (_once > MetOnce * most)
                Forget(_kept.Where(k => k.Value.IsOnce));
            while (_bytes > most)
                Forget(_kept.Where(k => !k.Value.IsOnce));
        }
    }

    public void Clear()
    {
        lock (_lock)
        {
            _seen.Clear();
            _kept.Clear();
            (_once, _bytes) = (0, 0);
        }
    }

    private void Forget(IEnumerable<KeyValuePair<string, Kept>> some)
    {
        (string oldest, Kept kept) = some.MinBy(k => k.Value.LastUse);
        _kept.Remove(oldest);
        _bytes -= kept.Bytes;
        _once -= kept.IsOnce ? kept.Bytes : 0;
    }

    private sealed record Kept(IReadOnlyList<DenseTensor> Tensors, long Bytes)
    {
        public long LastUse { get; set; }

        /// <summary>Whether only the candidate that made it has met it.</summary>
        public bool IsOnce { get; set; }
    }
}
