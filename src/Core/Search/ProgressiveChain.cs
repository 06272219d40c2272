using QuantCluster.Corrections;
using QuantCluster.Numerics;
using QuantCluster.Planning;
using QuantCluster.Search.Configuration;

namespace QuantCluster.Search;

/// <summary>
/// Quantizes layer after layer along an order, starting from float: each layer's ranges are chosen under the error that
/// is already there, then it is corrected for the inputs it now gets, and the next one follows. A step goes Propose,
/// Choose, Correction, Propose, Accept; who runs the trials in between may do so for many chains at once.
/// </summary>
internal sealed class ProgressiveChain
{
    private readonly TrialBuilder _builder;
    private readonly IReadOnlyList<string[]> _steps;
    private readonly SearchSettings _settings;
    private int _next;
    private SearchConfiguration _chosen = SearchConfiguration.AllFloat;
    private double[] _chosenErrors = [];

    public ProgressiveChain(string name, TrialBuilder builder, IReadOnlyList<string[]> steps, SearchSettings settings)
    {
        Name = name;
        _builder = builder;
        _steps = steps;
        _settings = settings;
    }

    public string Name { get; }

    /// <summary>What was accepted so far.</summary>
    public SearchConfiguration State { get; private set; } = SearchConfiguration.AllFloat;

    public bool IsFinished => _next == _steps.Count;

    /// <summary>Steps taken and all.</summary>
    public (int Done, int All) Progress => (_next, _steps.Count);

    /// <summary>The next layers, for people.</summary>
    public string Upcoming => IsFinished ? "" : string.Join(", ", _steps[_next]);

    /// <summary>The next step's candidates: one for each distinct range its new tensors can take; the default first.</summary>
    public IReadOnlyList<SearchConfiguration> Propose()
    {
        SearchConfiguration next = State;
        foreach (string layer in _steps[_next])
            next = next.With(layer, LayerChoice.Int8);
        QuantizationPlan plan = _builder.PlanOf(next);
        HashSet<string> known = [.. _builder.PlanOf(State).Points.Select(p => p.Tensor)];
        string[] fresh = [.. plan.Points.Select(p => p.Tensor).Where(t => !known.Contains(t) && !_builder.Ranges.Given.ContainsKey(t))];
        List<SearchConfiguration> candidates = [next];
        if (fresh.Length == 0)
            return candidates;
        HashSet<string> seen = [Mappings(next)];
        foreach (RangeCandidate candidate in _builder.Ranges.Estimators.Skip(1))
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
            Dictionary<string, AffineMapping> mappings = _builder.Mappings(plan, configuration);
            return string.Join(' ', plan.Points.Select(p => mappings[p.Tensor]));
        }
    }

    /// <summary>Takes the default candidate, unless another is better and not by chance.</summary>
    /// <param name="candidates">As proposed.</param>
    /// <param name="errors">Of each on the search samples; null for one that was dropped.</param>
    public void Choose(IReadOnlyList<SearchConfiguration> candidates, IReadOnlyList<double[]?> errors)
    {
        int best = Enumerable.Range(0, candidates.Count).Where(i => errors[i] is not null).MinBy(i => errors[i]!.Average());
        int chosen = errors[0] is { } standard && !PairedGain.Of(standard, errors[best]!).IsSignificant(_settings.StandardErrors) ? 0 : best;
        (_chosen, _chosenErrors) = (candidates[chosen], errors[chosen]!);
    }

    /// <summary>What has to be corrected now; null where the step put no layer on integers.</summary>
    public CorrectionRequest? Correction()
    {
        HashSet<string> before = [.. _builder.PlanOf(State).Layers.Select(l => l.Id)];
        string[] fresh = [.. _builder.PlanOf(_chosen).Layers.Select(l => l.Id).Where(id => !before.Contains(id))];
        return fresh.Length == 0 || _settings.Corrections == LayerCorrection.None ? null : new CorrectionRequest(_builder.Build(_chosen), fresh, _settings.Corrections);
    }

    /// <summary>The chosen candidate with its layers corrected.</summary>
    public SearchConfiguration Propose(IReadOnlyDictionary<string, CorrectedLayer> corrected)
    {
        SearchConfiguration candidate = _chosen;
        foreach ((string layer, CorrectedLayer result) in corrected)
            candidate = candidate.With(layer, new LayerChoice(LayerPrecision.Int8, _settings.Corrections, result));
        return candidate;
    }

    /// <summary>Ends the step: with the correction where it is no worse, else without.</summary>
    /// <returns>The state's errors.</returns>
    public double[] Accept(SearchConfiguration? corrected, double[]? errors)
    {
        bool better = corrected is not null && errors is not null && errors.Average() < _chosenErrors.Average();
        State = better ? corrected! : _chosen;
        _next++;
        return better ? errors! : _chosenErrors;
    }
}
