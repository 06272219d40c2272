using QuantCluster.Calibration;
using QuantCluster.Numerics;

namespace QuantCluster.Ranges;

/// <summary>The range estimators there are.</summary>
public static class RangeEstimators
{
    private static readonly IRangeEstimator[] Candidates =
        [new MinMax(), new Percentile(99.999), new Percentile(99.99), new Percentile(99.9), new Entropy(), new MeanSquaredError()];

    /// <summary>All, the default first.</summary>
    public static IReadOnlyList<IRangeEstimator> All { get; } = [new Auto(Candidates), .. Candidates];

    /// <summary>By name; <c>percentile</c> is <c>percentile99.99</c>.</summary>
    /// <exception cref="QuantException">There is none of that name.</exception>
    public static IRangeEstimator Get(string name)
    {
        string full = name == "percentile" ? "percentile99.99" : name;
        return All.FirstOrDefault(e => e.Name == full) ?? throw new QuantException(
            ExitCode.Usage, $"no range estimator '{name}'. There are: {string.Join(", ", All.Select(e => e.Name))}, and percentile for percentile99.99.");
    }

    /// <summary>
    /// The estimate, or everything that was seen for a tensor that must not be clipped
    /// (graph outputs, inputs and outputs of Softmax and Sigmoid).
    /// </summary>
    public static RangeChoice Choose(this IRangeEstimator estimator, TensorStatistics statistics, IntegerType type, bool mayClip) =>
        (mayClip ? estimator : Candidates[0]).Choose(statistics, type);
}
