using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using QuantCluster.Cluster;
using StackExchange.Redis;
using ClusterMember = QuantCluster.Cluster.ClusterMember;

namespace QuantCluster.Grains;

/// <summary>A cluster of silos, as a client sees it.</summary>
public sealed class OrleansCluster : ICluster
{
    private readonly IHost _host;

    private OrleansCluster(IHost host) => _host = host;

    public string Engine => OrleansEngine.EngineName;

    /// <summary>The way to its grains.</summary>
    public IClusterClient Grains => _host.Services.GetRequiredService<IClusterClient>();

    /// <summary>Finds the silos by the cluster's Redis.</summary>
    /// <param name="redis">Its address, as StackExchange.Redis writes it.</param>
    /// <param name="clusterId">Which silos of that Redis.</param>
    /// <param name="patience">How long to wait for a silo that answers.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <exception cref="QuantException">Redis or all silos do not answer (<see cref="ExitCode.Unavailable"/>).</exception>
    public static async Task<OrleansCluster> ConnectAsync(string redis, string clusterId, TimeSpan patience, CancellationToken cancellation = default)
    {
        IHost host = Build(redis, clusterId, patience);
        try
        {
            await host.StartAsync(cancellation);
            return new OrleansCluster(host);
        }
        catch (Exception e) when (e is OrleansException or RedisException or TimeoutException)
        {
            host.Dispose();
            throw new QuantException(ExitCode.Unavailable, e is OrleansException
                ? $"{RedisAddress.HostsOf(redis)}: no silo of the cluster '{clusterId}' answers. Start silos (quant-silo --redis {RedisAddress.HostsOf(redis)}), or look at their logs."
                : $"{RedisAddress.HostsOf(redis)}: no Redis answers there ({e.Message}). Give --cluster the address of the cluster's Redis.", e);
        }
        catch
        {
            host.Dispose();
            throw;
        }
    }

    public Task AnnounceAsync(string job, CancellationToken cancellation = default) =>
        Grains.GetGrain<ICoordinatorGrain>(job).StartAsync().WaitAsync(cancellation);

    public async Task<IReadOnlyList<ClusterMember>> MembersAsync(CancellationToken cancellation = default) =>
    [
        .. (await Grains.GetGrain<IClusterGrain>(0).GetSilosAsync().WaitAsync(cancellation)).Select(s =>
            new ClusterMember(s.Name, s.Machine, s.Process, s.Cores, s.Busy, s.Done, s.Jobs, s.Version, s.Uptime)),
    ];

    public ValueTask DisposeAsync()
    {
        // Nothing is kept here that silos would miss: no long farewell.
        _host.Dispose();
        return ValueTask.CompletedTask;
    }

    private static IHost Build(string redis, string clusterId, TimeSpan patience)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Logging.SetMinimumLevel(LogLevel.None);
        long began = Environment.TickCount64;
        builder.UseOrleansClient(client =>
        {
            client.Configure<ClusterOptions>(o => (o.ClusterId, o.ServiceId) = (clusterId, ClusterNames.ServiceId));
            client.Configure<GatewayOptions>(o => o.GatewayListRefreshPeriod = TimeSpan.FromSeconds(2));
            client.Configure<ClientMessagingOptions>(o => o.WaitForCancellationAcknowledgement = true);
            client.UseRedisClustering(o => o.ConfigurationOptions = ConfigurationOptions.Parse(RedisAddress.Parse(redis)));
            client.UseConnectionRetryFilter(async (_, cancellation) =>
            {
                await Task.Delay(200, cancellation);
                return Environment.TickCount64 - began < patience.TotalMilliseconds;
            });
        });
        return builder.Build();
    }
}
