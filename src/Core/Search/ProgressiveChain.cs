using System.Collections.Immutable;
using QuantCluster.Search.Configuration;
using QuantCluster.Search.Orders;

namespace QuantCluster.Search;

/// <summary>
/// Quantizes layer after layer along an order, starting from float. A beam keeps several prefixes, and begins a step by
/// choosing which layers come next (Extensions, Begin); then each prefix takes its step (<see cref="PrefixStep"/>), and End
/// puts the best first. Who runs the trials in between may do so for many chains at once.
/// </summary>
/// <param name="order">Its name and, for a beam, how wide it is.</param>
/// <param name="target">What the layers become.</param>
/// <param name="steps">Layers in the order's arrangement, those together that are quantized at a time.</param>
internal sealed class ProgressiveChain(ILayerOrder order, TrialBuilder builder, ChainTarget target, IReadOnlyList<string[]> steps, SearchSettings settings)
{
    private Prefix[] _prefixes = [new(target.Begin, [])];
    private Prefix[] _extended = [];
    private PrefixStep[] _begun = [];
    private int _done;

    public string Name => order.Name;

    /// <summary>What was accepted so far; of several prefixes, the one of least error.</summary>
    public SearchConfiguration State => _prefixes[0].State;

    public bool IsFinished => _done == steps.Count;

    /// <summary>Steps taken and all.</summary>
    public (int Done, int All) Progress => (_done, steps.Count);

    /// <summary>A step takes no more trials than these.</summary>
    public int MostTrialsOfStep { get; } =
        (order.Width * order.Successors) + (order.Width * PrefixStep.MostTrials(builder, target, steps.Select(s => s.Length).DefaultIfEmpty(0).Max(), settings));

    /// <summary>The next layers, for people.</summary>
    public string Upcoming => IsFinished ? "" : string.Join(", ", steps[Left(_prefixes[0]).First()]);

    /// <summary>What the next step may go on with; nothing to be measured where the order has only one way.</summary>
    public IReadOnlyList<SearchConfiguration> Extensions()
    {
        _extended =
        [
            .. _prefixes.SelectMany(p => Left(p).Take(order.Successors).Select(s => new Prefix(target.Extend(p.State, steps[s]), p.Taken.Add(s)) { Before = p.State, Next = s }))
                .DistinctBy(p => p.State.Hash),
        ];
        return _extended.Length <= 1 ? [] : [.. _extended.Select(p => p.State)];
    }

    /// <summary>Begins a step of each prefix that goes on: those of least error, one for each set of layers as long as there are others.</summary>
    /// <param name="errors">Of the extensions on the search samples.</param>
    public IReadOnlyList<PrefixStep> Begin(IReadOnlyList<double[]> errors)
    {
        if (errors.Count > 0)
        {
            Prefix[] ranked = [.. _extended.Zip(errors).OrderBy(e => e.Second.Average()).Select(e => e.First)];
            Prefix[] sets = [.. ranked.DistinctBy(p => string.Join(' ', p.Taken))];
            _extended = [.. sets.Concat(ranked.Except(sets)).Take(order.Width)];
        }

        return _begun = [.. _extended.Select(p => new PrefixStep(builder, target, p.Before, steps[p.Next], settings))];
    }

    /// <summary>Ends the step once all its prefixes have accepted what came of theirs.</summary>
    /// <returns>The errors of <see cref="State"/>.</returns>
    public double[] End()
    {
        (Prefix Prefix, double[] Errors)[] ranked =
        [
            .. _extended.Zip(_begun, (prefix, step) => (prefix with { State = step.Result.State }, step.Result.Errors))
                .OrderBy(p => p.Errors.Average()).DistinctBy(p => p.Item1.State.Hash),
        ];
        _prefixes = [.. ranked.Select(p => p.Prefix)];
        _done++;
        return ranked[0].Errors;
    }

    private IEnumerable<int> Left(Prefix prefix) => Enumerable.Range(0, steps.Count).Where(s => !prefix.Taken.Contains(s));

    /// <param name="Taken">The steps it is made of.</param>
    private sealed record Prefix(SearchConfiguration State, ImmutableSortedSet<int> Taken)
    {
        /// <summary>What was extended to it, and by which step.</summary>
        public SearchConfiguration Before { get; init; } = State;

        public int Next { get; init; }
    }
}
