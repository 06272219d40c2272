namespace QuantCluster.Cluster;

/// <summary>How large a submission may be; what exceeds it is refused before anything of it is read.</summary>
public sealed record SubmissionLimits
{
    public static SubmissionLimits Default { get; } = new();

    /// <summary>Bytes of the model's file and of the files that hold its tensors.</summary>
    public long Model { get; init; } = 8L << 30;

    /// <summary>Bytes of all files of one dataset.</summary>
    public long Data { get; init; } = 256L << 30;

    /// <summary>Bytes of one file of statistics.</summary>
    public long Statistics { get; init; } = 4L << 30;

    /// <summary>Bytes of the job's specification.</summary>
    public long Specification { get; init; } = 1 << 20;
}
