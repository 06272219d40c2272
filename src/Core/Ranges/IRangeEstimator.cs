using QuantCluster.Calibration;
using QuantCluster.Numerics;

namespace QuantCluster.Ranges;

/// <summary>Chooses the interval of real values that a tensor's integers shall cover.</summary>
public interface IRangeEstimator
{
    /// <summary>The name users choose it by.</summary>
    string Name { get; }

    /// <summary>A range inside the tensor's least and greatest value, widened to contain zero; [0, 0] for a tensor without finite values.</summary>
    /// <param name="statistics">With a histogram, unless the estimator is min-max.</param>
    /// <param name="type">The type the tensor will be stored in.</param>
    RealRange Estimate(TensorStatistics statistics, IntegerType type);
}
