using System.Globalization;

namespace QuantCluster.Search.Configuration;

/// <summary>Which range a tensor takes: an estimator's, widened or narrowed by a factor.</summary>
/// <param name="Estimator">A name of <see cref="Ranges.RangeEstimators"/>, or that of <see cref="Given"/>.</param>
/// <param name="Factor">What both ends are multiplied with; 1 leaves the estimator's.</param>
public readonly record struct RangeCandidate(string Estimator, double Factor = 1)
{
    /// <summary>The range a tensor was given before, with the channels of the model (<see cref="RangeTable.Given"/>).</summary>
    public static RangeCandidate Given { get; } = new("given");

    /// <summary>What the ends of a range are multiplied with to get its neighbours.</summary>
    private static readonly double[] Steps = [0.9, 1.1];

    public bool IsGiven => Estimator == Given.Estimator;

    /// <summary>The same range a little narrower, and a little wider.</summary>
    public IEnumerable<RangeCandidate> Neighbours()
    {
        RangeCandidate candidate = this;
        return Steps.Select(step => candidate with { Factor = Math.Round(candidate.Factor * step, 3) });
    }

    public override string ToString() =>
        Factor == 1 ? Estimator : string.Create(CultureInfo.InvariantCulture, $"{Estimator}*{Factor:R}");
}
