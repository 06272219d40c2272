namespace QuantCluster.Grains;

/// <summary>
/// What was answered on this silo lately, by who did it and to who watches over it: whoever asked may have died before it heard of it,
/// or before it wrote it down. As much as a few minutes of a search, of all jobs together; the oldest go first. Thread-safe.
/// </summary>
internal sealed class RecentAnswers
{
    /// <summary>Answers kept at most.</summary>
    public const int MostAnswers = 4096;

    /// <summary>Bytes of results kept at most.</summary>
    public const long MostBytes = 4 << 20;

    private readonly Lock _lock = new();
    private readonly Dictionary<Name, WorkAnswer> _answers = [];
    private readonly Queue<Name> _oldest = [];

    /// <summary>Bytes of the results that are kept; of those in the job's store, their names.</summary>
    public long Bytes { get; private set; }

    public int Count
    {
        get
        {
            lock (_lock)
                return _answers.Count;
        }
    }

    /// <summary>The answer to an equal order, unless that was of no use.</summary>
    public WorkAnswer? Find(WorkOrder order)
    {
        if (order.IsAnew)
            return null;
        lock (_lock)
            return _answers.GetValueOrDefault(NameOf(order));
    }

    /// <summary>Keeps a result; what is no result is not worth it.</summary>
    public void Keep(WorkOrder order, WorkAnswer answer)
    {
        if (answer is { Bytes: null, Blob: null })
            return;
        Name name = NameOf(order);
        lock (_lock)
        {
            if (_answers.Remove(name, out WorkAnswer? before))
                Bytes -= SizeOf(before);
            else
                _oldest.Enqueue(name);
            _answers[name] = answer;
            Bytes += SizeOf(answer);
            while (_answers.Count > MostAnswers || Bytes > MostBytes)
            {
                _answers.Remove(_oldest.Dequeue(), out WorkAnswer? oldest);
                Bytes -= SizeOf(oldest!);
            }
        }
    }

    private static Name NameOf(WorkOrder order) => new(order.Job, order.Stamp, order.Version, order.Key);

    private static long SizeOf(WorkAnswer answer) => answer.Bytes?.Length ?? answer.Blob!.Length;

    private readonly record struct Name(string Job, string Stamp, string Version, string Key);
}
