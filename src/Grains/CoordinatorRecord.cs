namespace QuantCluster.Grains;

/// <summary>What a coordinator keeps in the grain store; all else is in the job's folder.</summary>
[GenerateSerializer, Alias("QuantCluster.CoordinatorRecord")]
public sealed class CoordinatorRecord
{
    /// <summary>Whether the job is still to be done: taken up, and not over.</summary>
    [Id(0)]
    public bool IsOpen { get; set; }

    [Id(1)]
    public int Restarts { get; set; }
}
