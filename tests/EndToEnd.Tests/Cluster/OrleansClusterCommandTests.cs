namespace QuantCluster.Tests.Cluster;

public sealed class OrleansClusterCommandTests(OrleansClusterBench bench) : ClusterCommandTests(bench), IClassFixture<OrleansClusterBench>;
