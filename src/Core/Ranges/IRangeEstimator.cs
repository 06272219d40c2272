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

    /// <summary>The range and who proposed it: itself, unless it picks among others.</summary>
    /// <inheritdoc cref="Estimate"/>
    RangeChoice Choose(TensorStatistics statistics, IntegerType type) => new(Estimate(statistics, type), Name);
}

/// <summary>A range and the name of the estimator that proposed it.</summary>
public readonly record struct RangeChoice(RealRange Range, string Method);
