using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using QuantCluster.Grains;

namespace QuantCluster.Tests;

/// <summary>A real Redis, silos in processes of their own, and a client in this one.</summary>
internal sealed class TestCluster : IAsyncDisposable
{
    /// <summary>The silo that users run.</summary>
    public const string Silo = "src/Silo/bin/Release/net10.0/quant-silo.dll";

    /// <summary>It, knowing also the work of the engines' contract.</summary>
    public const string ContractSilo = "tests/TestSilo/bin/Release/net10.0/QuantCluster.TestSilo.dll";

    private readonly string _id = "test-" + Guid.NewGuid().ToString("N")[..8];
    private readonly string _program;
    private readonly int _cores;
    private readonly List<SiloProcess> _silos = [];
    private readonly IHost _client;
    private int _started;

    private TestCluster(RedisServer redis, string program, int cores)
    {
        (Redis, _program, _cores) = (redis, program, cores);
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Logging.SetMinimumLevel(LogLevel.None);
        builder.UseOrleansClient(client =>
        {
            client.Configure<ClusterOptions>(o => (o.ClusterId, o.ServiceId) = (_id, ClusterNames.ServiceId));
            client.Configure<GatewayOptions>(o => o.GatewayListRefreshPeriod = TimeSpan.FromSeconds(1));
            client.Configure<ClientMessagingOptions>(o => o.WaitForCancellationAcknowledgement = true);
            client.UseRedisClustering(redis.Address);
            client.UseConnectionRetryFilter(async (_, cancellation) =>
            {
                await Task.Delay(200, cancellation);
                return true;
            });
        });
        _client = builder.Build();
    }

    public RedisServer Redis { get; }

    public IReadOnlyList<SiloProcess> Silos => _silos;

    public IClusterClient Client => _client.Services.GetRequiredService<IClusterClient>();

    /// <summary>Starts them.</summary>
    /// <param name="silos">How many.</param>
    /// <param name="program">Assembly of the silo's program, under the repository's root.</param>
    /// <param name="cores">Items a silo does at a time.</param>
    public static async Task<TestCluster> StartAsync(int silos, string program, int cores = 1)
    {
        RedisServer redis = RedisServer.Start();
        TestCluster cluster = new(redis, Path.GetFullPath(Samples.Path("../" + program)), cores);
        try
        {
            // The first makes the tables; the rest join at once.
            await cluster.AddAsync();
            await Task.WhenAll(Enumerable.Range(1, silos - 1).Select(_ => cluster.AddAsync()));
            await cluster._client.StartAsync();
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    public async Task<SiloProcess> AddAsync()
    {
        int number = Interlocked.Increment(ref _started);
        SiloProcess silo = await SiloProcess.StartAsync(_program, Redis.Address, _id, $"silo-{number}", _cores);
        lock (_silos)
            _silos.Add(silo);
        return silo;
    }

    /// <summary>Kills a silo and starts another in its stead.</summary>
    public async Task ReplaceAsync(SiloProcess silo)
    {
        Kill(silo);
        await AddAsync();
    }

    public void Kill(SiloProcess silo)
    {
        silo.Kill();
        lock (_silos)
            _silos.Remove(silo);
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            await _client.StopAsync(new CancellationToken(true));
        }
        catch (OperationCanceledException)
        {
            // What is to be left behind need not be said good-bye to.
        }

        _client.Dispose();
        foreach (SiloProcess silo in _silos)
            silo.Dispose();
        Redis.Dispose();
    }
}
