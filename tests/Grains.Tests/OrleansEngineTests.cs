using System.Diagnostics;
using System.Globalization;
using QuantCluster.Cluster;
using QuantCluster.Jobs;
using QuantCluster.Tests.Jobs;
using ClusterMember = QuantCluster.Cluster.ClusterMember;

namespace QuantCluster.Tests;

/// <summary>The engines' contract, on three silo processes and a Redis.</summary>
public sealed class OrleansEngineTests(ContractCluster cluster) : WorkEngineContract, IClassFixture<ContractCluster>
{
    protected override int Processes => 3;

    protected override int LeastTogether => 10;

    protected override IWorkEngine Create(int workers) => cluster.Get().CreateEngine(workers);

    protected override string NewFolder() => Path.Combine(cluster.Get().Store.Jobs, JobStore.NewId("contract"));

    [Fact]
    public async Task Large_results_go_through_the_store_by_their_content()
    {
        JobContext job = Job(new() { Padding = 3_000_000 });
        List<WorkResult> results = await RunAsync(Create(2), job, 3);
        Assert.All(results, r => Assert.Equal(3_000_064, r.Bytes.Length));
        Assert.All(results, r => Assert.True(File.Exists(((FolderBlobStore)job.Blobs).PathOf(BlobId.Of(r.Bytes.Span)))));
    }

    [Fact]
    public async Task Every_silo_does_its_share()
    {
        // A silo speaks every other second.
        await Task.Delay(2500);
        IReadOnlyList<ClusterMember> before = await MembersAsync();
        await RunAsync(cluster.Get().CreateEngine(), Job(new() { DelayMilliseconds = 20 }), 90);
        Assert.Equal(3, before.Count);
        for (int i = 0; ; i++)
        {
            long[] done = [.. (await MembersAsync()).Zip(before, (now, then) => now.Done - then.Done)];
            if (done.Sum() >= 90)
            {
                Assert.All(done, d => Assert.InRange(d, 5, 80));
                return;
            }

            Assert.True(i < 50, $"{done.Sum()} of 90 items are reported");
            await Task.Delay(100);
        }
    }

    [Fact(Explicit = true)]
    public async Task Cost_of_an_item()
    {
        const int Count = 3000;
        IWorkEngine engine = cluster.Get().CreateEngine();
        JobContext job = Job();
        await RunAsync(engine, job, Count / 5);
        long began = Stopwatch.GetTimestamp();
        await RunAsync(engine, job, Count);
        TestContext.Current.TestOutputHelper!.WriteLine(
            string.Create(CultureInfo.InvariantCulture, $"{Stopwatch.GetElapsedTime(began).TotalMicroseconds / Count:0} microseconds an item of no work, three silos of one core"));
    }

    private Task<IReadOnlyList<ClusterMember>> MembersAsync() => cluster.Get().Client.MembersAsync();
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

    internal TestCluster Get()
    {
        RedisServer.SkipUnlessInstalled();
        return _cluster!;
    }
}
