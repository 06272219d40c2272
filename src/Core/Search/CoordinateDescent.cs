using QuantCluster.Corrections;
using QuantCluster.Planning;
using QuantCluster.Search.Configuration;
using QuantCluster.Search.Precision;

namespace QuantCluster.Search;

/// <summary>
/// Polishes one configuration: within a limit of size layers exchange bits; then, layer after layer, every other choice for it is
/// tried with all the rest as it is (ranges of what it reads and writes and neighbours of them, its correction, its precision), and
/// what is better, and not by chance, is taken. Ends when a round takes nothing, or with the budget.
/// </summary>
internal sealed class CoordinateDescent(
    TrialBuilder builder, Allowance allowance, PrecisionExchanges? exchanges, ITrialRunner runner, TrialLedger ledger, SearchSettings settings, SearchBudget budget, IProgress<SearchProgress>? progress)
{
    /// <param name="point">Where to begin.</param>
    /// <param name="layers">Ids in the order they are polished.</param>
    /// <param name="accepted">Takes every state that is accepted.</param>
    /// <returns>Whether it came to its own end.</returns>
    public async Task<bool> RunAsync(SearchPoint point, IReadOnlyList<string> layers, Action<SearchPoint> accepted, CancellationToken cancellation)
    {
        for (int round = 0; round < settings.Rounds; round++)
        {
            // Bits first: what else is best for a layer depends on them.
            SearchPoint before = point;
            bool complete = true;
            if (exchanges is not null)
                (point, complete) = await RoundAsync(point, [.. layers.Union(point.Configuration.WeightOnly)], ExchangesAsync);
            if (complete)
                (point, complete) = await RoundAsync(point, layers, MovesAsync);
            if (!complete || ReferenceEquals(point, before))
                return complete;
        }

        return true;

        async Task<(SearchPoint Point, bool Complete)> RoundAsync(
            SearchPoint now, IReadOnlyList<string> layers, Func<SearchPoint, string, CancellationToken, Task<IEnumerable<SearchConfiguration>>> movesAsync)
        {
            for (int i = 0; i < layers.Count; i++)
            {
                SearchConfiguration[] moves = [.. await movesAsync(now, layers[i], cancellation)];
                Trial[] trials = [.. moves.Select(m => builder.Build(m).About(layers[i]))];
                if (moves.Length == 0)
                    continue;
                if (budget.IsOver(1) || !budget.Allows(ledger, ledger.CountNew(trials), 1))
                    return (now, false);
                double[]?[] errors = (await ledger.RaceAsync([[now.Trial, .. trials]], cancellation))[0];
                int best = Enumerable.Range(0, moves.Length).Where(m => errors[m + 1] is not null).DefaultIfEmpty(-1).MinBy(m => m < 0 ? double.MaxValue : errors[m + 1]!.Average());
                if (best >= 0 && PairedGain.Of([.. now.SearchErrors], errors[best + 1]!).IsSignificant(settings.StandardErrors))
                {
                    now = new SearchPoint("polish", moves[best], trials[best], errors[best + 1]!, allowance.Time.Of(trials[best].Plan));
                    accepted(now);
                }

                progress?.Report(new SearchProgress("polish", layers[i], i + 1, layers.Count, now.SearchError.Mean, null, ledger.Count, budget.Used(ledger.Count)));
            }

            return (now, true);
        }
    }

    private async Task<IEnumerable<SearchConfiguration>> ExchangesAsync(SearchPoint point, string layer, CancellationToken cancellation) =>
        (await exchanges!.OfAsync(point.Configuration, layer, cancellation)).Where(m => allowance.Permits(builder.Build(m)));

    private async Task<IEnumerable<SearchConfiguration>> MovesAsync(SearchPoint point, string layer, CancellationToken cancellation)
    {
        SearchConfiguration now = point.Configuration;
        Layer? quantized = point.Trial.Plan.Layers.FirstOrDefault(l => l.Id == layer);
        List<SearchConfiguration> moves = [];
        if (quantized is null)
        {
            moves.Add(now.With(layer, builder.Standard));
        }
        else
        {
            if (allowance.Permits(builder.Build(now.With(layer, allowance.Float))))
                moves.Add(now.With(layer, allowance.Float));
            LayerChoice choice = now.Layer(layer), bare = choice.Bare;
            if (choice.Corrected is not null)
                moves.Add(now.With(layer, bare));
            int place = moves.Count;

            // Of few bits, what makes up for a mean can do more harm than good.
            if (settings.Corrections != LayerCorrection.None && choice is { Precision: LayerPrecision.Int4Weights, Corrected: { Bias: not null } corrected })
                moves.Add(now.With(layer, bare.With(choice.Corrections & ~LayerCorrection.Bias, corrected with { Bias = null })));
            moves.AddRange(Ranges(point, quantized));
            if (settings.Corrections != LayerCorrection.None)
                moves.Insert(place, await CorrectAnewAsync(now.With(layer, bare), layer, moves, cancellation));
        }

        HashSet<string> seen = [point.Trial.Key];
        return moves.Where(m => seen.Add(builder.Build(m).Key));
    }

    /// <summary>The layer corrected for the inputs it gets now. Meanwhile the other moves begin, where the budget has room for all of them.</summary>
    private async Task<SearchConfiguration> CorrectAnewAsync(SearchConfiguration bare, string layer, IReadOnlyList<SearchConfiguration> others, CancellationToken cancellation)
    {
        Trial[] known = [.. others.Select(m => builder.Build(m).About(layer))];
        bool begins = !budget.IsOver(1) && budget.Allows(ledger, ledger.CountNew(known) + 1, 1);
        Task<SearchConfiguration> again = CorrectAsync();
        await Task.WhenAll(again, begins ? ledger.GlanceAsync(known, cancellation) : Task.CompletedTask);
        return await again;

        async Task<SearchConfiguration> CorrectAsync()
        {
            CorrectionRequest request = new(builder.Build(bare), [layer], settings.Corrections);
            SearchConfiguration corrected = bare.WithCorrections(settings.Corrections, (await runner.CorrectAsync([request], cancellation))[0]);
            if (begins)
                await ledger.GlanceAsync([builder.Build(corrected).About(layer)], cancellation);
            return corrected;
        }
    }

    /// <summary>Other ranges of the group of tensors that the layer writes, or reads where it writes floats.</summary>
    private IEnumerable<SearchConfiguration> Ranges(SearchPoint point, Layer layer)
    {
        string tensor = layer.QuantizedResult ? layer.Result : layer.Input;
        string? group = point.Trial.Plan.Points.FirstOrDefault(p => p.Tensor == tensor)?.Group;
        string[] tensors = [.. point.Trial.Plan.Points.Where(p => p.Group == group).Select(p => p.Tensor)];
        IReadOnlyList<RangeCandidate> known = builder.Ranges.CandidatesOf(tensors);
        if (group is null || known.Count == 0)
            yield break;
        RangeCandidate standard = builder.Ranges.DefaultOf(tensor), current = point.Configuration.Range(tensor) ?? standard;
        IEnumerable<RangeCandidate> candidates = known.Concat(current.Neighbours());
        foreach (RangeCandidate candidate in candidates.Where(c => c != current))
        {
            yield return tensors.Aggregate(
                point.Configuration, (c, t) => c.WithRange(t, candidate == standard ? null : candidate));
        }
    }
}
