using QuantCluster.Grains;
using QuantCluster.Jobs;
using QuantCluster.Tests.Jobs;

namespace QuantCluster.Tests;

/// <summary>The engines' contract, on three silo processes and a Redis.</summary>
public sealed class OrleansEngineTests(ContractCluster cluster) : WorkEngineContract, IClassFixture<ContractCluster>
{
    protected override IWorkEngine Create(int workers) => cluster.CreateEngine(workers);
}

/// <summary>Three silos that know the contract's work, for all tests of a class.</summary>
public sealed class ContractCluster : IAsyncLifetime
{
    private TestCluster? _cluster;

    public async ValueTask InitializeAsync()
    {
        if (RedisServer.IsInstalled)
            _cluster = await TestCluster.StartAsync(3, TestCluster.ContractSilo);
    }

    public async ValueTask DisposeAsync()
    {
        if (_cluster is not null)
            await _cluster.DisposeAsync();
    }

    public IWorkEngine CreateEngine(int window)
    {
        RedisServer.SkipUnlessInstalled();
        return new OrleansEngine(_cluster!.Client, new OrleansEngineSettings { Window = window });
    }
}
