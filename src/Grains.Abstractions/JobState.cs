namespace QuantCluster.Grains;

/// <summary>Where a job is in its life.</summary>
public enum JobPhase
{
    /// <summary>No job of this id was ever submitted.</summary>
    Unknown,
    Running,
    Done,
    Failed,
    Cancelled,
}

/// <summary>How far a job is.</summary>
[GenerateSerializer, Immutable, Alias("QuantCluster.JobState")]
public sealed record JobState
{
    [Id(0)]
    public JobPhase Phase { get; init; }

    /// <summary>The job's folder.</summary>
    [Id(1)]
    public string Folder { get; init; } = "";

    /// <summary>The stage being done; empty before the first.</summary>
    [Id(2)]
    public string Stage { get; init; } = "";

    [Id(3)]
    public int Done { get; init; }

    /// <summary>Steps of the stage.</summary>
    [Id(4)]
    public int Total { get; init; }

    /// <summary>Why it failed, in words for the user.</summary>
    [Id(5)]
    public string? Failure { get; init; }

    /// <summary>The exit code that the failure means.</summary>
    [Id(6)]
    public int FailureCode { get; init; }

    /// <summary>What <c>quant run --json</c> would print, once <see cref="JobPhase.Done"/>.</summary>
    [Id(7)]
    public string? Outcome { get; init; }

    /// <summary>Address of the silo that coordinates.</summary>
    [Id(8)]
    public string Silo { get; init; } = "";

    /// <summary>How often the job was taken up again, after a crash or a silo's farewell.</summary>
    [Id(9)]
    public int Restarts { get; init; }
}
