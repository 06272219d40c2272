using System.Text.Json.Serialization;
using QuantCluster.Search.Sensitivity;
using QuantCluster.Verification;

namespace QuantCluster.Search.Frontier;

/// <summary>One model of the frontier, as it was emitted, judged on held-back samples and timed.</summary>
public sealed record FrontierPoint
{
    /// <summary>From 1, the fastest first: what <c>quant pick</c> takes.</summary>
    public required int Number { get; init; }

    /// <summary>How the set of layers came about, e.g. <c>sensitivity, 3 float</c>.</summary>
    public required string Origin { get; init; }

    /// <summary>Ids of the layers on integers, in graph order.</summary>
    public required IReadOnlyList<string> Quantized { get; init; }

    /// <summary>Ids of the layers that went back to float.</summary>
    public required IReadOnlyList<string> BackToFloat { get; init; }

    /// <summary>Mean error on held-back samples (<see cref="WholeModelError"/>).</summary>
    public required double Error { get; init; }

    public required double ErrorStandardError { get; init; }

    /// <summary>Signal to quantization noise ratio on the held-back samples; null where there is no noise.</summary>
    public double? SqnrDb { get; init; }

    /// <summary>Predictions that are the float model's on the held-back samples, percent; null where outputs are no scores.</summary>
    public double? Agreement { get; init; }

    /// <summary>Bytes of the model.</summary>
    public required long Bytes { get; init; }

    /// <summary>What the speed model foretold before the model was timed, over the float model's time.</summary>
    public required double PredictedRelative { get; init; }

    /// <summary>Whether the foretold time ranks the point, not the measured one.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool IsRankedByEstimate { get; init; }

    /// <summary>Measured in turn with the float model.</summary>
    public required LatencyResult Latency { get; init; }

    /// <summary>The model's blob in the job's folder.</summary>
    public required string Model { get; init; }

    /// <summary>Blob of the plan the model was emitted from.</summary>
    public required string Plan { get; init; }

    /// <summary>Blob of the configuration it was emitted from.</summary>
    public required string Configuration { get; init; }

    /// <summary>Blob of that configuration before corrections.</summary>
    public required string Ranges { get; init; }

    /// <summary>Measured time over the float model's, of neighbouring runs: a busy machine moves it least.</summary>
    [JsonIgnore]
    public double MeasuredRelative => 1 / Latency.PairwiseSpeedup;

    /// <summary>Error, time over the float model's, and size.</summary>
    [JsonIgnore]
    public Cost Cost => new(Error, IsRankedByEstimate ? PredictedRelative : MeasuredRelative, Bytes);
}

/// <summary>The frontier of a job, and what it was measured with.</summary>
public sealed record FrontierResult
{
    /// <summary>What the file says it is.</summary>
    public const string CurrentFormat = "quantcluster.frontier/1";

    public string Format { get; init; } = CurrentFormat;

    /// <summary>Absolute path of the float model.</summary>
    public required string Model { get; init; }

    public required string ModelSha256 { get; init; }

    public required long ReferenceBytes { get; init; }

    /// <summary>What errors are: <c>kl</c>, <c>relative-squared</c> or <c>mixed</c>.</summary>
    public required string Measure { get; init; }

    /// <summary>Indices of the calibration samples that sets of layers were searched on.</summary>
    public required IReadOnlyList<int> SearchSamples { get; init; }

    /// <summary>Indices of those held back, which the points' errors are of.</summary>
    public required IReadOnlyList<int> ValidationSamples { get; init; }

    /// <summary>The CPU that times are of.</summary>
    public required string Processor { get; init; }

    /// <summary>Sets of layers that were judged on the search samples.</summary>
    public required int Candidates { get; init; }

    /// <summary>Models that were emitted, validated and timed; the points are those that no other dominates.</summary>
    public required int Measured { get; init; }

    /// <summary>Mean of |foretold − measured| over measured time of the emitted models, each foretold before it was timed.</summary>
    public required double PredictionError { get; init; }

    /// <summary>What each layer costs, on some of the search samples; in graph order.</summary>
    public required IReadOnlyList<LayerSensitivity> Sensitivity { get; init; }

    /// <summary>The fastest first.</summary>
    public required IReadOnlyList<FrontierPoint> Points { get; init; }
}
