using QuantCluster.Jobs;

namespace QuantCluster.Inference;

/// <summary>
/// Sessions that are kept from one piece of work to the next: a model costs one session however many blocks of samples
/// it runs. Thread-safe.
/// </summary>
/// <param name="kept">Sessions kept although nobody uses them just now.</param>
internal sealed class WarmSessions(int kept) : IDisposable
{
    private readonly Dictionary<string, Entry> _entries = [];
    private long _clock;

    /// <summary>Lends the session of that name; dispose the loan to give it back.</summary>
    /// <param name="name">Equal names, equal models.</param>
    /// <param name="open">Makes the session where there is none.</param>
    /// <exception cref="QuantException">ONNX Runtime does not accept the model.</exception>
    public Loan Borrow(string name, Func<ModelSession> open)
    {
        Entry entry;
        bool isWarm;
        lock (_entries)
        {
            isWarm = _entries.TryGetValue(name, out entry!);
            if (!isWarm)
            {
                entry = new Entry(new Lazy<ModelSession>(open));
                _entries.Add(name, entry);
            }

            entry.Users++;
        }

        WorkInstruments.AddLookup("sessions", isWarm);
        try
        {
            return new Loan(this, entry, entry.Session.Value);
        }
        catch
        {
            // What failed once may succeed the next time: out of memory, for one.
            lock (_entries)
            {
                entry.Users--;
                if (_entries.GetValueOrDefault(name) == entry)
                    _entries.Remove(name);
            }

            throw;
        }
    }

    /// <summary>Closes every session nobody uses just now.</summary>
    public void Release() => CloseIdle(0);

    /// <summary>Only when every loan was given back.</summary>
    public void Dispose() => Release();

    private void Return(Entry entry)
    {
        lock (_entries)
        {
            entry.Users--;
            entry.LastUse = ++_clock;
        }

        CloseIdle(kept);
    }

    private void CloseIdle(int most)
    {
        List<Entry> closing = [];
        lock (_entries)
        {
            KeyValuePair<string, Entry>[] idle = [.. _entries.Where(e => e.Value.Users == 0).OrderBy(e => e.Value.LastUse)];
            foreach ((string name, Entry oldest) in idle.SkipLast(most))
            {
                _entries.Remove(name);
                closing.Add(oldest);
            }
        }

        foreach (Entry oldest in closing)
            oldest.Close();
    }

    /// <summary>A session in use.</summary>
    public readonly struct Loan : IDisposable
    {
        private readonly WarmSessions _owner;
        private readonly Entry _entry;

        internal Loan(WarmSessions owner, Entry entry, ModelSession session)
        {
            _owner = owner;
            _entry = entry;
            Session = session;
        }

        public ModelSession Session { get; }

        public void Dispose() => _owner.Return(_entry);
    }

    internal sealed class Entry(Lazy<ModelSession> session)
    {
        public Lazy<ModelSession> Session { get; } = session;

        public int Users { get; set; }

        public long LastUse { get; set; }

        public void Close()
        {
            if (Session.IsValueCreated)
                Session.Value.Dispose();
        }
    }
}
