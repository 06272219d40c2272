namespace QuantCluster.Search;

/// <summary>One order's way: the error after every step.</summary>
/// <param name="Order">The order's name.</param>
/// <param name="Steps">Layers on integers, and the mean error on the search samples, after each step.</param>
public sealed record SearchCurve(string Order, IReadOnlyList<CurveStep> Steps);

/// <param name="Quantized">Layers on integers.</param>
/// <param name="Error">Mean error on the search samples.</param>
/// <param name="StandardError">Of that mean.</param>
public sealed record CurveStep(int Quantized, double Error, double StandardError);

/// <summary>What the search came to.</summary>
/// <param name="Winner">Chosen on the validation samples.</param>
/// <param name="Start">Where it began: ranges and corrections as <c>--effort fast</c> chooses them.</param>
/// <param name="Points">Every state that was accepted on the way, and what it began from; with the winner.</param>
/// <param name="Curves">One an order.</param>
/// <param name="Trials">Distinct trials that were run.</param>
/// <param name="IsComplete">Whether it came to its end, rather than to its budget's.</param>
public sealed record SearchResult(
    SearchPoint Winner, SearchPoint Start, IReadOnlyList<SearchPoint> Points, IReadOnlyList<SearchCurve> Curves, int Trials, bool IsComplete);
