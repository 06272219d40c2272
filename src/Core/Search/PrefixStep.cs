using QuantCluster.Corrections;
using QuantCluster.Numerics;
using QuantCluster.Planning;
using QuantCluster.Search.Configuration;

namespace QuantCluster.Search;

/// <summary>
/// Puts the next layers of a prefix on integers: their ranges are chosen under the error that is already there, then they
/// are corrected for the inputs they now get. It goes Propose, Choose, Correction, Propose, Accept; who runs the trials in
/// between may do so for many steps at once.
/// </summary>
/// <param name="target">What the layers become.</param>
/// <param name="state">The prefix.</param>
/// <param name="layers">Ids of the next layers.</param>
internal sealed class PrefixStep(TrialBuilder builder, ChainTarget target, SearchConfiguration state, IReadOnlyList<string> layers, SearchSettings settings)
{
    private SearchConfiguration _chosen = SearchConfiguration.AllFloat;
    private double[] _chosenErrors = [];

    /// <summary>What came of it once it is accepted, and its errors on the search samples.</summary>
    public (SearchConfiguration State, double[] Errors) Result { get; private set; } = (SearchConfiguration.AllFloat, []);

    /// <summary>A step of so many layers has no more candidates than these, and what comes of the correction.</summary>
    public static int MostTrials(TrialBuilder builder, ChainTarget target, int layers, SearchSettings settings) =>
        builder.Ranges.Estimators.Count + target.MostAlternatives(layers) + NeighboursOf(builder, settings).Count() + 1;

    /// <summary>The candidates: one for each distinct range its new tensors can take; the default first, neighbours of it last.</summary>
    public IReadOnlyList<SearchConfiguration> Propose()
    {
        SearchConfiguration next = target.Extend(state, layers);
        QuantizationPlan plan = builder.PlanOf(next);
        HashSet<string> known = [.. builder.PlanOf(state).Points.Select(p => p.Tensor)];
        string[] fresh = [.. plan.Points.Select(p => p.Tensor).Where(t => !known.Contains(t) && !builder.Ranges.Given.ContainsKey(t))];
        List<SearchConfiguration> candidates = [next, .. target.Alternatives(next, layers)];
        if (fresh.Length == 0)
            return candidates;
        HashSet<string> seen = [Mappings(next)];
        foreach (RangeCandidate candidate in builder.Ranges.Estimators.Skip(1).Concat(NeighboursOf(builder, settings)))
        {
            SearchConfiguration other = next;
            foreach (string tensor in fresh)
                other = other.WithRange(tensor, candidate);
            if (seen.Add(Mappings(other)))
                candidates.Add(other);
        }

        return candidates;

        string Mappings(SearchConfiguration configuration)
        {
            Dictionary<string, AffineMapping> mappings = builder.Mappings(plan, configuration);
            return string.Join(' ', plan.Points.Select(p => mappings[p.Tensor]));
        }
    }

    /// <summary>The trial of a candidate, as one of the step's layers.</summary>
    public Trial TrialOf(SearchConfiguration candidate) => builder.Build(candidate).About(layers);

    /// <summary>Takes the default candidate, unless another is better and not by chance.</summary>
    /// <param name="candidates">As proposed.</param>
    /// <param name="errors">Of each on the search samples; null for one that was dropped.</param>
    public void Choose(IReadOnlyList<SearchConfiguration> candidates, IReadOnlyList<double[]?> errors)
    {
        int best = Enumerable.Range(0, candidates.Count).Where(i => errors[i] is not null).MinBy(i => errors[i]!.Average());
        int chosen = errors[0] is { } standard && !PairedGain.Of(standard, errors[best]!).IsSignificant(settings.StandardErrors) ? 0 : best;
        (_chosen, _chosenErrors) = (candidates[chosen], errors[chosen]!);
    }

    /// <summary>What has to be corrected now; null where the step put no layer on integers.</summary>
    public CorrectionRequest? Correction()
    {
        HashSet<string> before = [.. builder.PlanOf(state).Layers.Select(l => l.Id)];
        string[] fresh = [.. builder.PlanOf(_chosen).Layers.Select(l => l.Id).Where(id => !before.Contains(id))];
        return fresh.Length == 0 || settings.Corrections == LayerCorrection.None ? null : new CorrectionRequest(builder.Build(_chosen), fresh, settings.Corrections);
    }

    /// <summary>The chosen candidate with its layers corrected.</summary>
    public SearchConfiguration Propose(IReadOnlyDictionary<string, CorrectedLayer> corrected) => _chosen.WithCorrections(settings.Corrections, corrected);

    /// <summary>Ends the step: with the correction where it is no worse, else without.</summary>
    public void Accept(SearchConfiguration? corrected, double[]? errors) =>
        Result = corrected is not null && errors is not null && errors.Average() < _chosenErrors.Average() ? (corrected, errors) : (_chosen, _chosenErrors);

    private static IEnumerable<RangeCandidate> NeighboursOf(TrialBuilder builder, SearchSettings settings) => settings.WalksNeighbours ? builder.Ranges.Default.Neighbours() : [];
}
