using QuantCluster.Inference;
using QuantCluster.Onnx;

namespace QuantCluster.Search;

/// <summary>
/// Sessions of trials, kept while their blocks are being worked on: a trial costs one session however many blocks it has.
/// Thread-safe.
/// </summary>
/// <param name="prepared">The float model trials are made from.</param>
/// <param name="threads">Threads inside one run.</param>
/// <param name="kept">Sessions kept although nobody uses them just now.</param>
internal sealed class TrialSessions(OnnxModel prepared, int threads, int kept) : IDisposable
{
    private readonly Dictionary<string, Entry> _entries = [];
    private long _clock;

    /// <summary>Lends the trial's session; dispose the loan to give it back.</summary>
    /// <exception cref="QuantException">ONNX Runtime does not accept the emitted model.</exception>
    public Loan Borrow(Trial trial)
    {
        Entry entry;
        lock (_entries)
        {
            if (!_entries.TryGetValue(trial.Key, out entry!))
            {
                entry = new Entry(new Lazy<ModelSession>(() => ModelSession.Create(trial.Emit(prepared), new SessionSettings { Threads = threads })));
                _entries.Add(trial.Key, entry);
            }

            entry.Users++;
        }

        try
        {
            return new Loan(this, entry, entry.Session.Value);
        }
        catch
        {
            // What failed once may succeed the next time: out of memory, for one.
            lock (_entries)
                _entries.Remove(trial.Key);
            throw;
        }
    }

    public void Dispose()
    {
        foreach (Entry entry in _entries.Values)
            entry.Close();
        _entries.Clear();
    }

    private void Return(Entry entry)
    {
        List<Entry> closing = [];
        lock (_entries)
        {
            entry.Users--;
            entry.LastUse = ++_clock;
            KeyValuePair<string, Entry>[] idle = [.. _entries.Where(e => e.Value.Users == 0).OrderBy(e => e.Value.LastUse)];
            foreach ((string key, Entry oldest) in idle.SkipLast(kept))
            {
                _entries.Remove(key);
                closing.Add(oldest);
            }
        }

        foreach (Entry oldest in closing)
            oldest.Close();
    }

    /// <summary>A session in use.</summary>
    public readonly struct Loan : IDisposable
    {
        private readonly TrialSessions _owner;
        private readonly Entry _entry;

        internal Loan(TrialSessions owner, Entry entry, ModelSession session)
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
