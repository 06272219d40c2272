namespace QuantCluster.Jobs;

/// <summary>A search in a few figures, for <c>quant run --json</c>.</summary>
/// <param name="Effort">balanced or thorough.</param>
/// <param name="Objective">What the errors are.</param>
/// <param name="Trials">Distinct trials that were run.</param>
/// <param name="Complete">Whether it came to its own end.</param>
/// <param name="Winner">What came upon the winner: an order's name, size, relief, finish, polish; start where nothing was better.</param>
/// <param name="StartError">Mean error of the start (<c>--effort fast</c>) on validation samples.</param>
/// <param name="Error">Mean error of the winner on validation samples.</param>
/// <param name="SearchError">Mean error of the winner on search samples.</param>
/// <param name="Float">Nodes of the layers that went back to float.</param>
/// <param name="Precisions">The layers that are not as <c>--weights</c> and <c>--granularity</c> say, and what they are.</param>
public sealed record SearchSummary(
    string Effort, string Objective, int Trials, bool Complete, string Winner, double StartError, double Error, double SearchError, IReadOnlyList<string> Float, IReadOnlyList<ChosenPrecision> Precisions)
{
    public static SearchSummary Of(SearchOutcome search) => new(
        search.Effort, search.Objective, search.Trials, search.IsComplete, search.Winner.Origin,
        search.Start.ValidationErrors!.Average(), search.Winner.ValidationErrors!.Average(), search.Winner.SearchErrors.Average(),
        [.. search.Layers.Where(l => l.Precision.StartsWith("float", StringComparison.Ordinal)).Select(l => l.Node)],
        [.. search.Layers.Where(l => l.Precision != search.Standard).Select(l => new ChosenPrecision(l.Node, l.Precision))]);
}

/// <param name="Name">The layer's node.</param>
/// <param name="Precision"><c>int8</c>, <c>int8 with int4 weights</c>, <c>float with int8 weights</c> or <c>float</c>; with <c>, per tensor</c> where that is not what was asked for.</param>
public sealed record ChosenPrecision(string Name, string Precision);
