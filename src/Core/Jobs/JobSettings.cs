using QuantCluster.Corrections;

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

/// <summary>The user's choices; those that do not change the result (threads, workers) are kept for <c>quant resume</c>.</summary>
public sealed record JobSettings
{
    public RangeMethod Method { get; init; }

    public WeightGranularity Granularity { get; init; }

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
}
