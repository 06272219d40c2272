using QuantCluster.Jobs;

namespace QuantCluster.Tests;

/// <summary>Silos that die, hang or say good-bye where every item is a candidate's, and goes by its layer's grain.</summary>
public sealed class LayeredFaultTests(ContractCluster cluster) : SiloFaultTests(cluster)
{
    private protected override IWorkEngine Create(TestCluster cluster) => new Layered(cluster.CreateEngine());
}
