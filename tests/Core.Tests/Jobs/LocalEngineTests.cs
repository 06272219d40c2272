using QuantCluster.Jobs;

namespace QuantCluster.Tests.Jobs;

public sealed class LocalEngineTests : WorkEngineContract
{
    protected override IWorkEngine Create(int workers) => new LocalEngine(workers);
}
