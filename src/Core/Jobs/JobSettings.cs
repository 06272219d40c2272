using QuantCluster.Corrections;
using QuantCluster.Search.Frontier;

namespace QuantCluster.Jobs;

/// <summary>How activations' ranges are chosen.</summary>
public enum RangeMethod
{
    /// <summary>The candidate of least expected error, tensor by tensor.</summary>
    Auto,
    MinMax,
    Percentile,
    Entropy,
    Mse,
}

/// <summary>Whether weights have one scale for the tensor or one for each output channel.</summary>
public enum WeightGranularity
{
    Channel,
    Tensor,
}

/// <summary>How weights' ranges are chosen.</summary>
public enum WeightRangeMethod
{
    /// <summary>The greatest weight of a channel is the greatest integer.</summary>
    MinMax,

    /// <summary>The channel's largest weights are clipped where that lowers its squared error.</summary>
    Mse,
}

/// <summary>How many bits a weight has.</summary>
public enum WeightType
{
    Int8,

    /// <summary>Half the size; kernels are those of INT8.</summary>
    Int4,

    /// <summary>INT8, and where a frontier is made, also models in which some layers have INT4.</summary>
    Auto,
}

/// <summary>How the weights of layers that compute in float are stored.</summary>
public enum FloatWeights
{
    /// <summary>As INT8 where the error on held-back samples allows it, except those that <see cref="JobSettings.KeepFloat"/> names.</summary>
    Auto,

    Float,

    /// <summary>As INT8, unasked.</summary>
    Int8,
}

/// <summary>What measured speed may decide.</summary>
public enum SpeedMode
{
    /// <summary>Nothing: the model's bytes do not depend on any timing.</summary>
    Ignore,

    /// <summary>Layers go back to float only where the finished model is not surely faster than the float model.</summary>
    Auto,

    /// <summary>Layers that do not pay go back to float.</summary>
    Measured,
}

/// <summary>The user's choices; those that do not change the result (threads, workers) are kept for <c>quant resume</c>.</summary>
public sealed record JobSettings
{
    internal const double DefaultTolerance = 0.1;

    public RangeMethod Method { get; init; }

    public WeightGranularity Granularity { get; init; }

    public WeightRangeMethod WeightRange { get; init; }

    public WeightType Weights { get; init; }

    public CorrectionMode Correct { get; init; }

    /// <summary>At most this many calibration samples, from the first; null for all.</summary>
    public int? Samples { get; init; }

    /// <summary>Number of random samples to calibrate on instead of data; null when there is data.</summary>
    public int? Synthetic { get; init; }

    /// <summary>Threads inside one model run; 0 for every core. Does not change the result.</summary>
    public int Threads { get; init; }

    /// <summary>Work items at a time; 0 for one a core. Does not change the result.</summary>
    public int Workers { get; init; }

    /// <summary>Gate: the least signal to quantization noise ratio, in dB.</summary>
    public double? MinimumSqnr { get; init; }

    /// <summary>Gate: the most the task metric may fall, in the metric's own unit.</summary>
    public double? MaximumDrop { get; init; }

    /// <summary>
    /// Percent by which the task may be worse on held-back samples before layers go back to float for it, where something is
    /// known of it; null for the default, which is none where all weights are to have 4 bits: those are about size.
    /// </summary>
    public double? Tolerance { get; init; }

    internal double TaskTolerance => Tolerance ?? (Weights == WeightType.Int4 ? double.PositiveInfinity : DefaultTolerance);

    /// <summary>Layers, by node or tensor, that stay float; null for none.</summary>
    public IReadOnlyList<string>? KeepFloat { get; init; }

    /// <summary>How the weights of layers that compute in float are stored.</summary>
    public FloatWeights FloatWeights { get; init; }

    /// <summary>What measured speed may decide. A resumed job finds its timings in the journal; a new one measures anew.</summary>
    public SpeedMode Speed { get; init; }

    /// <summary>Models of the frontier to make, at most; null for none.</summary>
    public int? Frontier { get; init; }

    /// <summary>The most a run may take: the most accurate model within it is chosen.</summary>
    public Limit? MaximumLatency { get; init; }

    /// <summary>The most the model may have: the most accurate model within it is chosen.</summary>
    public Limit? MaximumSize { get; init; }
}
