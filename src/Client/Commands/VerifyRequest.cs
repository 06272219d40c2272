using QuantCluster.Data;
using QuantCluster.Verification;

namespace QuantCluster.Client.Commands;

/// <summary>What <c>quant verify</c> was asked for.</summary>
internal sealed record VerifyRequest
{
    public required string Reference { get; init; }

    public required string Quantized { get; init; }

    public required string Data { get; init; }

    public string? Metric { get; init; }

    public string? Labels { get; init; }

    public string? Dictionary { get; init; }

    public int? Samples { get; init; }

    public required int Workers { get; init; }

    /// <summary>Null leaves latency out.</summary>
    public double? LatencySeconds { get; init; }

    public string? ReportDirectory { get; init; }

    public required bool Json { get; init; }

    public required Gates Gates { get; init; }

    /// <summary>The metric the command line or the spec names; null where neither does.</summary>
    public ITaskMetric? TaskMetric(DatasetSpec spec) =>
        TaskMetrics.Of(spec with { Metric = Metric ?? spec.Metric, Labels = Labels ?? spec.Labels, Dictionary = Dictionary ?? spec.Dictionary });

    /// <summary>Says so before any work if a gate could not be judged.</summary>
    public void CheckGates(ITaskMetric? task)
    {
        if (Gates.MaximumDrop is not null && task is null)
            throw new QuantException(ExitCode.Usage, Gates.NeedsTask);
    }
}
