using QuantCluster.Data;
using QuantCluster.Inference;

namespace QuantCluster.Search.Prefixes;

/// <summary>One candidate's pieces, from the first that has to be run, over one block of samples. Not thread-safe.</summary>
/// <param name="given">What the pieces before gave, a tensor a sample; null where there are none before.</param>
/// <param name="samples">Of the block.</param>
internal sealed class BlockRun(IReadOnlyList<DenseTensor>? given, int samples) : IDisposable
{
    private readonly List<(WarmSessions.Loan Session, Action<IReadOnlyList<DenseTensor>>? Keep, List<DenseTensor> Made)> _pieces = [];

    /// <summary>Adds the next piece.</summary>
    /// <param name="keep">Takes what it gives, once that of every sample is there; null where nobody wants it.</param>
    public void Add(WarmSessions.Loan session, Action<IReadOnlyList<DenseTensor>>? keep) => _pieces.Add((session, keep, []));

    /// <summary>Runs a sample. Every sample of the block, in order.</summary>
    /// <param name="place">Its place in the block.</param>
    /// <param name="outputs">What is wanted of the model.</param>
    public RunResult Run(int place, Sample sample, IReadOnlyCollection<string> outputs)
    {
        DenseTensor? handed = given?[place];
        foreach ((WarmSessions.Loan session, Action<IReadOnlyList<DenseTensor>>? keep, List<DenseTensor> made) in _pieces.SkipLast(1))
        {
            using RunResult result = session.Session.Run(Inputs(session.Session, sample, handed));
            handed = result.Copy(0);
            if (keep is null)
                continue;
            made.Add(handed);
            if (made.Count == samples)
                keep(made);
        }

        ModelSession last = _pieces[^1].Session.Session;
        return last.Run(Inputs(last, sample, handed), outputs);
    }

    public void Dispose()
    {
        foreach ((WarmSessions.Loan session, _, _) in _pieces)
            session.Dispose();
    }

    /// <summary>The model's own inputs by their names; what is none of them is what was handed on.</summary>
    private static IReadOnlyDictionary<string, DenseTensor> Inputs(ModelSession session, Sample sample, DenseTensor? handed) => handed is null
        ? sample.Inputs
        : session.Inputs.ToDictionary(i => i.Name, i => sample.Inputs.TryGetValue(i.Name, out DenseTensor? own) ? own : handed);
}
