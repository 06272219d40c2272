using QuantCluster.Reporting;
using QuantCluster.Verification;

namespace QuantCluster.Jobs;

/// <summary>A search's outcome as a report tells it.</summary>
internal static class SearchReport
{
    public static ReportedSearch Of(SearchOutcome search, VerificationResult verification) => new()
    {
        Objective = search.Objective,
        Effort = search.Effort,
        Trials = search.Trials,
        IsComplete = search.IsComplete,
        Origin = search.Winner.Origin,
        Gain = search.Gain,
        GainStandardError = search.GainStandardError,
        Errors =
        [
            new ReportedErrors("start (--effort fast)", search.Start.SearchErrors.Average(), search.Start.ValidationErrors!.Average(), null),
            new ReportedErrors("winner", search.Winner.SearchErrors.Average(), search.Winner.ValidationErrors!.Average(), Evaluation(search.Objective, verification)),
        ],
        Curves = [.. search.Curves.Where(c => c.Steps.Count > 0).Select(c => new ReportedCurve(
            c.Order, [.. c.Steps.Select(s => new ReportedCurveStep(s.Quantized, s.Error, s.StandardError))]))],
        Layers = [.. search.Layers.Where(l => l.Precision != search.Standard).Select(l => new ReportedChoice(l.Node, l.Precision, l.Corrections))],
        Ranges = [.. search.Ranges.OrderBy(r => r.Key, StringComparer.Ordinal).Select(r => new ReportedFact(r.Key, r.Value))],
    };

    /// <summary>The objective on the evaluation data, from the metrics measured there.</summary>
    private static double? Evaluation(string objective, VerificationResult verification)
    {
        double? squares = verification.Error("sqnr_db") is { } decibels ? Math.Pow(10, -decibels / 10) : null;
        return objective switch
        {
            "auto" => verification.Error("kl") ?? squares,
            "kl" => verification.Error("kl"),
            "sqnr" => squares,
            "cosine" => 1 - verification.Error("cosine"),
            _ => null,
        };
    }
}
