namespace QuantCluster.Grains;

/// <summary>What a coordinator keeps in the grain store; all else is in the job's folder.</summary>
[GenerateSerializer, Alias("QuantCluster.CoordinatorRecord")]
public sealed class CoordinatorRecord
{
    [Id(0)]
    public JobPhase Phase { get; set; }

    [Id(1)]
    public string Folder { get; set; } = "";

    [Id(2)]
    public string? Failure { get; set; }

    [Id(3)]
    public int FailureCode { get; set; }

    [Id(4)]
    public string? Outcome { get; set; }

    [Id(5)]
    public int Restarts { get; set; }
}
