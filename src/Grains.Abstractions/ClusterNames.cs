namespace QuantCluster.Grains;

/// <summary>What silos and clients must agree on to find each other on one Redis.</summary>
public static class ClusterNames
{
    /// <summary>Names the data of the service in Redis; the same for ever.</summary>
    public const string ServiceId = "quantcluster";

    /// <summary>Names a set of silos that work together; several can share one Redis.</summary>
    public const string DefaultClusterId = "quantcluster";
}
