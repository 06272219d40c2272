using System.Collections.Concurrent;
using QuantCluster.Data;
using QuantCluster.Inference;
using QuantCluster.Jobs;
using QuantCluster.Onnx;

namespace QuantCluster.Search.Prefixes;

/// <summary>
/// Runs candidates piece by piece. Pieces that candidates share cost one session, and a beginning that candidates share is
/// run once a block of samples. A candidate's result does not depend on what was run before it. Thread-safe.
/// </summary>
/// <param name="workers">Blocks that are run at a time.</param>
/// <param name="settings">Of the pieces' sessions.</param>
/// <param name="mostBytes">Of activations that are kept.</param>
internal sealed class PieceRuns(int workers, SessionSettings settings, long mostBytes = PieceRuns.MostBytes)
{
    /// <summary>Cuts of a model: a beginning that is shared is on average 3/8 of it then, of at most a half.</summary>
    public const int Cuts = 3;

    private const long MostBytes = 96L << 20;

    // Together as large as one whole model a worker.
    private readonly WarmSessions _pieces = new(workers * (Cuts + 1)), _whole = new(workers);
    private readonly KeptActivations _kept = new(mostBytes);
    private readonly ConcurrentDictionary<string, PieceNames[]> _names = new();

    /// <summary>Runs of one candidate over one block; dispose it to give its sessions back.</summary>
    /// <param name="candidate">Equal names, equal candidates.</param>
    /// <param name="emit">Gives the candidate; called only where something of it is not there.</param>
    /// <param name="cuts">Tensors of the prepared model (<see cref="ModelCuts"/>).</param>
    /// <param name="block">Equal names, equal samples.</param>
    /// <param name="samples">How many.</param>
    public BlockRun Begin(string candidate, Func<OnnxModel> emit, IReadOnlyList<string> cuts, string block, int samples)
    {
        Lazy<IReadOnlyList<OnnxModel>> pieces = new(() => Pieces.Of(emit(), cuts));
        PieceNames[] names = _names.GetOrAdd(candidate, _ => Name(candidate, pieces.Value));
        int first = names.Length - 1;
        IReadOnlyList<DenseTensor>? given = null;
        while (first > 0 && (given = _kept.Find(NameOf(first - 1))) is null)
            first--;
        if (names.Length > 1)
            WorkInstruments.AddLookup("activations", given is not null);
        BlockRun run = new(given, samples);
        try
        {
            for (int p = first; p < names.Length; p++)
            {
                int piece = p;
                WarmSessions.Loan session = (names.Length == 1 ? _whole : _pieces).Borrow(names[p].Hash, () => ModelSession.Create(pieces.Value[piece], settings));
                bool keeps = p + 1 < names.Length && _kept.Lacks(NameOf(p));
                run.Add(session, keeps ? tensors => _kept.Keep(NameOf(piece), tensors) : null);
            }

            return run;
        }
        catch
        {
            run.Dispose();
            throw;
        }

        string NameOf(int piece) => $"{names[piece].Beginning} {block}";
    }

    public void Release()
    {
        _pieces.Release();
        _whole.Release();
        _kept.Clear();
        _names.Clear();
    }

    private static PieceNames[] Name(string candidate, IReadOnlyList<OnnxModel> pieces)
    {
        // What is not cut shares nothing, and may be too large to be hashed.
        if (pieces.Count == 1)
            return [new PieceNames(candidate, candidate)];
        PieceNames[] names = new PieceNames[pieces.Count];
        string beginning = "";
        for (int p = 0; p < names.Length; p++)
        {
            using ContentHash hash = new();
            hash.Add(pieces[p].ToBytes());
            string piece = hash.Finish();
            beginning = ContentHash.Of(beginning, piece);
            names[p] = new PieceNames(piece, beginning);
        }

        return names;
    }

    /// <param name="Hash">Of the piece.</param>
    /// <param name="Beginning">Of it and all before it.</param>
    private sealed record PieceNames(string Hash, string Beginning);
}
