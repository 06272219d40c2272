using QuantCluster.Corrections;
using QuantCluster.Search.Configuration;

namespace QuantCluster.Search.Precision;

/// <summary>
/// Walks from a candidate that is too large down to a size. In a few batches those layers get smaller weights that add least
/// error to the whole model for the bytes they save, measured anew under the error that is there by then; each batch is
/// corrected, in graph order, before the next.
/// </summary>
internal sealed class SizeWalk(
    TrialBuilder builder, SizeLimit limit, ITrialRunner runner, TrialLedger ledger, SearchSettings settings, SearchBudget budget)
{
    /// <summary>Each saves this part of what is too much: the more, the truer the order, and the more trials.</summary>
    private const int Batches = 4;

    /// <summary>A step that saves a smaller part of what is too much is not tried.</summary>
    private const double Smallest = 0.01;

    /// <summary>Steps are first measured with nearest integers; those that would save this many times the batch also corrected, as few bits gain most by it.</summary>
    private const int Shortlist = 3;

    /// <summary>Trials of a batch besides one a step: its layers with nearest integers and with corrections, of two sets.</summary>
    private const int Variants = 6;

    private readonly Dictionary<(string Layer, LayerChoice Choice), double> _costs = [];

    /// <summary>The error that each step was last seen to add by itself.</summary>
    public IReadOnlyDictionary<(string Layer, LayerChoice Choice), double> Costs => _costs;

    /// <returns>Null where no steps are left, or the budget is over, before the limit is reached.</returns>
    public async Task<SearchConfiguration?> RunAsync(SearchConfiguration now, CancellationToken cancellation)
    {
        long all = limit.Excess(builder.Build(now)), left = all;
        while (left > 0)
        {
            IReadOnlyList<PrecisionMove> moves = limit.Moves.Down(now, 1 + (long)(Smallest * all));
            Trial[] trials = [builder.Build(now), .. moves.Select(m => builder.Build(m.After).About(m.Layer))];
            long batch = Math.Min(left, Math.Max(1, all / Batches));
            if (Allows(ledger.CountNew(trials) + Variants))
            {
                double[] errors = [.. (await ledger.GlanceAsync(trials, cancellation)).Select(e => e.Average())];
                foreach ((PrecisionMove move, double error) in moves.Zip(errors.Skip(1)))
                    _costs[(move.Layer, move.Choice)] = error - errors[0];
                IReadOnlyList<PrecisionMove> promising = StepSets.Cheapest(moves, CostOf, Shortlist * batch);
                if (Allows(promising.Count + Variants))
                    await CorrectAsync(promising, errors[0], cancellation);
            }
            else
            {
                // The rest at once, by what steps were last seen to cost.
                moves = [.. moves.Where(m => _costs.ContainsKey((m.Layer, m.Choice)))];
                batch = left;
            }

            if (moves.Count == 0 || !Allows(Variants))
                return null;
            List<IReadOnlyList<PrecisionMove>> sets = [StepSets.Cheapest(moves, CostOf, batch)];
            if (batch == left && StepSets.Single(moves, CostOf, left) is { } single)
                sets.Add([single]);
            (now, _) = await BestAsync(now, sets, cancellation);
            left = limit.Excess(builder.Build(now));
        }

        return await ReturnAsync(now, cancellation);
    }

    /// <summary>What the last steps saved too much goes back: the costliest steps first, as far as there is room and the model errs less so.</summary>
    private async Task<SearchConfiguration> ReturnAsync(SearchConfiguration now, CancellationToken cancellation)
    {
        HashSet<(string, LayerChoice)> tried = [];
        while (Allows(Variants))
        {
            PrecisionMove? up = now.Quantized.Concat(now.WeightOnly).SelectMany(l => limit.Moves.Up(now, l))
                .Where(m => !tried.Contains((m.Layer, m.Choice)) && _costs.ContainsKey((m.Layer, now.Layer(m.Layer).Bare)) && limit.Permits(builder.Build(m.After)))
                .MaxBy(m => _costs[(m.Layer, now.Layer(m.Layer).Bare)]);
            if (up is null)
                break;
            tried.Add((up.Layer, up.Choice));
            double before = (await ledger.RaceAsync([[builder.Build(now)]], cancellation))[0][0]!.Average();
            (SearchConfiguration after, double error) = await BestAsync(now, [[up]], cancellation);
            if (error < before && limit.Permits(builder.Build(after)))
                now = after;
        }

        return now;
    }

    private bool Allows(int trials) => !budget.IsOver(ProgressiveSearch.Share) && budget.Allows(ledger, trials, ProgressiveSearch.Share);

    private double CostOf(PrecisionMove move) => _costs[(move.Layer, move.Choice)];

    /// <summary>What steps cost with each corrected by itself, where that is less.</summary>
    /// <param name="error">Without any of them.</param>
    private async Task CorrectAsync(IReadOnlyList<PrecisionMove> moves, double error, CancellationToken cancellation)
    {
        PrecisionMove[] integer = [.. moves.Where(m => m.Choice.IsInteger && settings.Corrections != LayerCorrection.None)];
        double[] errors = await Together.RunAsync(integer, async (m, c) =>
        {
            SearchConfiguration after = await CorrectAsync(m.After, new CorrectionRequest(builder.Build(m.After), [m.Layer], settings.Corrections), c);
            return (await ledger.GlanceAsync([builder.Build(after).About(m.Layer)], c))[0].Average();
        }, cancellation);
        foreach ((PrecisionMove move, double after) in integer.Zip(errors))
            _costs[(move.Layer, move.Choice)] = Math.Min(CostOf(move), after - error);
    }

    /// <summary>The set of least error, with the corrections that are best for it.</summary>
    private async Task<(SearchConfiguration State, double Error)> BestAsync(SearchConfiguration now, List<IReadOnlyList<PrecisionMove>> sets, CancellationToken cancellation)
    {
        LayerCorrection[] kinds = [.. new[] { settings.Corrections & LayerCorrection.Rounding, settings.Corrections }.Where(k => k != LayerCorrection.None).Distinct()];
        List<(SearchConfiguration Bare, CorrectionRequest? Request)> bare = [], corrected = [];
        foreach (IReadOnlyList<PrecisionMove> set in sets)
        {
            SearchConfiguration after = set.Aggregate(now, (c, m) => c.With(m.Layer, m.Choice));
            string[] changed = [.. set.Where(m => m.Choice.IsInteger).Select(m => m.Layer)];
            bare.Add((after, null));
            if (changed.Length > 0)
                corrected.AddRange(kinds.Select(k => (after, (CorrectionRequest?)new CorrectionRequest(builder.Build(after), changed, k))));
        }

        string[] layers = [.. sets.SelectMany(s => s.Select(m => m.Layer)).Distinct()];

        // All of them will be raced: each begins as soon as it is there.
        (SearchConfiguration State, Trial Trial)[] candidates = await Together.RunAsync(bare.Concat(corrected), async (w, c) =>
        {
            SearchConfiguration candidate = w.Request is null ? w.Bare : await CorrectAsync(w.Bare, w.Request, c);
            Trial trial = builder.Build(candidate).About(layers);
            await ledger.GlanceAsync([trial], c);
            return (candidate, trial);
        }, cancellation);
        double[]?[] errors = (await ledger.RaceAsync([[.. candidates.Select(c => c.Trial)]], cancellation))[0];
        ((SearchConfiguration state, _), double[]? least) = candidates.Zip(errors).Where(c => c.Second is not null).MinBy(c => c.Second!.Average());
        return (state, least!.Average());
    }

    private async Task<SearchConfiguration> CorrectAsync(SearchConfiguration bare, CorrectionRequest request, CancellationToken cancellation) =>
        bare.WithCorrections(request.Corrections, (await runner.CorrectAsync([request], cancellation))[0]);
}
