using System.Text.Json.Serialization;

namespace QuantCluster.Reporting;

/// <summary>The error after each step along an order.</summary>
public sealed record ReportedCurve(string Order, IReadOnlyList<ReportedCurveStep> Steps);

/// <param name="Quantized">Layers on integers.</param>
/// <param name="Error">Mean error on the samples that chose.</param>
/// <param name="StandardError">Of that mean.</param>
public sealed record ReportedCurveStep(int Quantized, double Error, double StandardError);

/// <summary>The same configuration's error on samples of three kinds.</summary>
/// <param name="Name">What it is.</param>
/// <param name="Search">On the samples that chose.</param>
/// <param name="Validation">On the samples held back, which judged.</param>
/// <param name="Evaluation">On the evaluation data, which nothing looked at; null where it was not measured.</param>
public sealed record ReportedErrors(string Name, double Search, double Validation, double? Evaluation);

/// <summary>What a layer became.</summary>
public sealed record ReportedChoice(string Layer, string Precision, string Corrections);

/// <summary>What a search did and chose.</summary>
public sealed record ReportedSearch
{
    /// <summary>What the errors are: auto, kl, sqnr, cosine or task.</summary>
    public required string Objective { get; init; }

    public required string Effort { get; init; }

    /// <summary>Distinct candidates that were run as whole models.</summary>
    public required int Trials { get; init; }

    /// <summary>Whether it came to its own end.</summary>
    public required bool IsComplete { get; init; }

    /// <summary>What came upon the winner.</summary>
    public required string Origin { get; init; }

    /// <summary>Mean gain over the start, paired over held-back samples, and its standard error.</summary>
    public required double Gain { get; init; }

    public required double GainStandardError { get; init; }

    /// <summary>Start and winner.</summary>
    public required IReadOnlyList<ReportedErrors> Errors { get; init; }

    /// <summary>One an order.</summary>
    public required IReadOnlyList<ReportedCurve> Curves { get; init; }

    /// <summary>Layers that are not as most are.</summary>
    public required IReadOnlyList<ReportedChoice> Layers { get; init; }

    /// <summary>Tensors that did not take the default range, and what they took.</summary>
    public required IReadOnlyList<ReportedFact> Ranges { get; init; }

    /// <summary>Error with every layer on integers of the best, the median and the worst order; null where no order was walked to its end.</summary>
    [JsonIgnore]
    public (ReportedCurve Best, double Median, ReportedCurve Worst)? Spread
    {
        get
        {
            int most = Curves.SelectMany(c => c.Steps).Select(s => s.Quantized).DefaultIfEmpty(0).Max();
            ReportedCurve[] whole = [.. Curves.Where(c => c.Steps.Count > 0 && c.Steps[^1].Quantized == most).OrderBy(c => c.Steps[^1].Error)];
            if (whole.Length == 0)
                return null;
            double median = (whole[(whole.Length - 1) / 2].Steps[^1].Error + whole[whole.Length / 2].Steps[^1].Error) / 2;
            return (whole[0], median, whole[^1]);
        }
    }
}
