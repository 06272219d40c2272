using System.Globalization;
using QuantCluster.Cluster;
using QuantCluster.Jobs;

namespace QuantCluster.Workers;

/// <summary>What a worker is to be.</summary>
public sealed record WorkerSettings
{
    /// <summary>Unique in the cluster: two of one name would take each other's items for their own.</summary>
    public string Name { get; init; } = string.Create(CultureInfo.InvariantCulture, $"{Environment.MachineName}-{Environment.ProcessId}");

    /// <summary>Work items at a time, one thread each: ONNX Runtime never gets more than these cores.</summary>
    public int Cores { get; init; } = Environment.ProcessorCount;

    /// <summary>Jobs it coordinates at a time; 0 for a worker that only does items.</summary>
    public int Jobs { get; init; } = 2;

    /// <summary>The build: it does items of jobs of the same build only, whose results are the same bytes.</summary>
    public string Version { get; init; } = QuantizationJob.ToolVersion;

    public RedisTiming Timing { get; init; } = RedisTiming.Default;

    public SubmissionLimits Limits { get; init; } = SubmissionLimits.Default;

    /// <summary>How long it waits before it tries again a job that something outside stands in the way of.</summary>
    public TimeSpan Retry => Timing.Lease;

    /// <summary>How often it looks into the store for jobs that Redis does not know of.</summary>
    public TimeSpan Rescan => Timing.Lease;
}
