using QuantCluster.Cluster;
using QuantCluster.Jobs;
using QuantCluster.Tests.Jobs;

namespace QuantCluster.Tests;

/// <summary>The engines' contract where every item is a candidate's, and goes by its layer's grain.</summary>
public sealed class LayeredEngineTests(ContractCluster cluster) : WorkEngineContract, IClassFixture<ContractCluster>
{
    protected override int Processes => 3;

    protected override int LeastTogether => 10;

    protected override IWorkEngine Create(int workers) => new Layered(cluster.Get().CreateEngine(workers));

    protected override string NewFolder() => Path.Combine(cluster.Get().Store.Jobs, JobStore.NewId("contract"));
}
