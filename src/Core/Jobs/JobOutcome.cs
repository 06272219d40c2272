using System.Text.Json;
using QuantCluster.Corrections;

namespace QuantCluster.Jobs;

/// <summary>A layer that runs on integers.</summary>
/// <param name="Weights">Bits its weights have in the file: <c>int8</c> or <c>int4</c>.</param>
public sealed record QuantizedLayer(string Name, string Op, string Weights);

/// <summary>A layer that stays float, and why.</summary>
public sealed record UnquantizedLayer(string Name, string Op, string Reason);

/// <summary>Every layer of the model that could be meant to be quantized, in graph order.</summary>
/// <param name="WeightOnly">Computes in float; its weight is stored as integers.</param>
/// <param name="Float">Float altogether.</param>
public sealed record LayerOutcome(
    IReadOnlyList<QuantizedLayer> Quantized, IReadOnlyList<UnquantizedLayer> WeightOnly, IReadOnlyList<UnquantizedLayer> Float);

/// <summary>What a finished job tells: the JSON object of <c>quant run --json</c>, documented in <c>docs/cli.md</c>.</summary>
public sealed record JobOutcome
{
    /// <summary>Absolute path of the INT8 model.</summary>
    public required string Output { get; init; }

    /// <summary>Size of the INT8 model.</summary>
    public required long Bytes { get; init; }

    /// <summary>Size of the float model.</summary>
    public required long Fp32Bytes { get; init; }

    /// <summary>Signal to quantization noise ratio over all outputs, dB; null when there is no noise, or no signal.</summary>
    public double? SqnrDb { get; init; }

    /// <summary>Predictions that are the float model's, in percent; null where outputs are no scores.</summary>
    public double? Agreement { get; init; }

    /// <summary>Name of the task metric, e.g. <c>top1</c>; null when the data spec names none.</summary>
    public string? MetricName { get; init; }

    /// <summary>The INT8 model's score.</summary>
    public double? Metric { get; init; }

    /// <summary>The float model's score.</summary>
    public double? Fp32Metric { get; init; }

    /// <summary>Median time of one run of the INT8 model, ms, measured in turn with the float model.</summary>
    public double? LatencyMs { get; init; }

    /// <summary>Median time of one run of the float model, ms.</summary>
    public double? Fp32LatencyMs { get; init; }

    /// <summary>Float time / INT8 time; above 1 the INT8 model is faster.</summary>
    public double? Speedup { get; init; }

    /// <summary>Threads of the measured runs.</summary>
    public int? LatencyThreads { get; init; }

    /// <summary>Samples the figures were measured on.</summary>
    public required int Samples { get; init; }

    /// <summary>Wall-clock seconds of each stage, work of earlier processes included.</summary>
    public required IReadOnlyDictionary<string, double> Seconds { get; init; }

    /// <summary>The process's largest resident memory, MB (10⁶ bytes).</summary>
    public required double PeakRssMb { get; init; }

    public required LayerOutcome Layers { get; init; }

    /// <summary>Corrections that were judged on held-back calibration samples, in turn; empty where none was.</summary>
    public IReadOnlyList<CorrectionTrial> Corrections { get; init; } = [];

    /// <summary>What the search came to; null where there was none.</summary>
    public SearchSummary? Search { get; init; }

    /// <summary>Absolute path of the report's page.</summary>
    public string? Report { get; init; }

    /// <summary>Absolute path of the job's folder.</summary>
    public required string Job { get; init; }

    /// <summary>What the user should know: assumptions, slower than float, unmet gates.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>One line of JSON, members as documented.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, JobJson.Default.JobOutcome);
}
