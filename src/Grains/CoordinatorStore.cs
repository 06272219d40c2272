namespace QuantCluster.Grains;

/// <summary>The grain store of coordinators, which a host must provide.</summary>
public static class CoordinatorStore
{
    public const string Name = "jobs";
}
