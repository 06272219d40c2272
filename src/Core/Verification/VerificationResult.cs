namespace QuantCluster.Verification;

/// <summary>The task's score before and after, and whether the difference is more than chance.</summary>
public sealed record TaskResult
{
    /// <summary>The metric's key, e.g. <c>top1</c>.</summary>
    public required string Name { get; init; }

    public required string Title { get; init; }

    public required string Unit { get; init; }

    public required string DropUnit { get; init; }

    /// <summary>Records judged.</summary>
    public required long Records { get; init; }

    /// <summary>The float model's score.</summary>
    public required double Reference { get; init; }

    /// <summary>The quantized model's score.</summary>
    public required double Quantized { get; init; }

    /// <summary>How much worse the quantized model is, in <see cref="DropUnit"/>; negative if better.</summary>
    public required double Drop { get; init; }

    /// <summary>Lower end of the drop's 95 % interval (paired Poisson bootstrap).</summary>
    public required double DropLow { get; init; }

    /// <summary>Upper end of the drop's 95 % interval.</summary>
    public required double DropHigh { get; init; }

    /// <summary>Records on which the float model did better.</summary>
    public required long OnlyReference { get; init; }

    /// <summary>Records on which the quantized model did better.</summary>
    public required long OnlyQuantized { get; init; }

    /// <summary>McNemar's exact two-sided p; null where records are not simply right or wrong.</summary>
    public double? PValue { get; init; }

    /// <summary>Whether the difference is significant at 5 %: by McNemar's test, else by the interval leaving out zero.</summary>
    public required bool IsSignificant { get; init; }
}

/// <summary>Everything that was found out about a quantized model.</summary>
public sealed record VerificationResult
{
    /// <summary>Samples (model runs) compared.</summary>
    public required int Samples { get; init; }

    /// <summary>Every error metric, in the order reports show them.</summary>
    public required IReadOnlyList<MetricValue> Errors { get; init; }

    /// <summary>Null where no task metric was given.</summary>
    public TaskResult? Task { get; init; }

    /// <summary>Bytes on disk of the float model, external data included.</summary>
    public required long ReferenceBytes { get; init; }

    /// <summary>Bytes on disk of the quantized model.</summary>
    public required long QuantizedBytes { get; init; }

    /// <summary>One entry for each number of threads; empty where latency was not asked for.</summary>
    public IReadOnlyList<LatencyResult> Latency { get; init; } = [];

    /// <summary>Error by tensor in graph order; empty where the models share no tensors or it was not asked for.</summary>
    public IReadOnlyList<TensorError> Profile { get; init; } = [];

    /// <summary>Wall-clock seconds the whole verification took.</summary>
    public double Seconds { get; init; }

    /// <summary>A metric by its key; null where it does not apply.</summary>
    public double? Error(string name) => Errors.FirstOrDefault(e => e.Name == name)?.Value;
}

/// <summary>Latency of both models, measured run by run in turn, batch as in the data (1).</summary>
public sealed record LatencyResult
{
    /// <summary>Threads of a run.</summary>
    public required int Threads { get; init; }

    /// <summary>Timed runs of each model.</summary>
    public required int Runs { get; init; }

    public required LatencySummary Reference { get; init; }

    public required LatencySummary Quantized { get; init; }

    /// <summary>Ratio of the medians, float / quantized: above 1 the quantized model is faster.</summary>
    public required double Speedup { get; init; }

    /// <summary>Median of the ratios of neighbouring runs: less moved by a machine that slows down meanwhile.</summary>
    public required double PairwiseSpeedup { get; init; }

    /// <summary>Lower end of the speedup's 95 % interval: at least 1 where the quantized model is not slower but by chance.</summary>
    public double SpeedupLow { get; init; }

    /// <summary>Upper end of the speedup's 95 % interval: below 1 where the quantized model is slower beyond noise.</summary>
    public double SpeedupHigh { get; init; }
}

/// <summary>Times of one model's runs, in milliseconds.</summary>
public sealed record LatencySummary(double Median, double P95, double Minimum);

/// <summary>How far one tensor is from the float model's.</summary>
public sealed record TensorError
{
    /// <summary>The tensor's name in the float model.</summary>
    public required string Tensor { get; init; }

    /// <summary>The node that makes it, and its op.</summary>
    public required string Node { get; init; }

    public required string Op { get; init; }

    /// <summary>Whether the tensor is stored in integers in the quantized model.</summary>
    public required bool IsQuantized { get; init; }

    /// <summary>SQNR in dB over the profiled samples; +∞ where nothing differs.</summary>
    public required double SqnrDb { get; init; }

    /// <summary>dB lost since the worst of the nearest measured tensors before it; null for the first.</summary>
    public double? DropDb { get; init; }
}
