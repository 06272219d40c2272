using System.Net;
using Orleans.Configuration;
using QuantCluster.Cluster;
using QuantCluster.Grains;
using StackExchange.Redis;

namespace QuantCluster.Silo;

/// <summary>Puts a silo together and runs it until it is told to stop.</summary>
internal static class SiloHost
{
    /// <summary>On SIGTERM items under way are finished and grains move out, for this long at most.</summary>
    private static readonly TimeSpan Drain = TimeSpan.FromSeconds(60);

    public static async Task<int> RunAsync(SiloSettings settings, Action<IServiceCollection>? services)
    {
        JobStore store = JobStore.Open(settings.Store);
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ApplicationName = "quant-silo" });
        builder.Logging.ClearProviders().AddSimpleConsole(o =>
        {
            o.SingleLine = true;
            o.UseUtcTimestamp = true;
            o.TimestampFormat = "yyyy-MM-ddTHH:mm:ssZ ";
        }).AddFilter(Speaks);
        builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = Drain + TimeSpan.FromSeconds(10));
        services?.Invoke(builder.Services);
        if (settings.Redis is not null)
        {
            TimeProvider machine = builder.Services.LastOrDefault(s => s.ServiceType == typeof(TimeProvider))?.ImplementationInstance as TimeProvider ?? TimeProvider.System;
            builder.Services.AddSingleton(await ClusterClock.SetByAsync(RedisOf(settings.Redis), machine));
        }

        builder.Host.UseOrleans(silo => Configure(silo, settings, store));
        builder.AddTelemetry(settings);
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(settings.Redis is null ? IPAddress.Loopback : IPAddress.Any, settings.HttpPort));
        await using WebApplication app = builder.Build();
        app.MapHealth();
        try
        {
            await app.StartAsync();
        }
        catch (Exception e) when (Reason(e) is { } reason)
        {
            await Console.Error.WriteLineAsync($"quant-silo: {reason}");
            return (int)ExitCode.Unavailable;
        }

        Console.WriteLine($"quant-silo: {settings.Name} is ready: {settings.Cores} items at a time, gateway port {settings.GatewayPort}, {(settings.Redis is null ? "on its own" : $"cluster '{settings.ClusterId}'")}.");
        await app.WaitForShutdownAsync();
        return (int)ExitCode.Success;
    }

    /// <summary>Our own words, and the libraries' troubles; not their advice.</summary>
    private static bool Speaks(string? category, LogLevel level) => category switch
    {
        { } ours when ours.StartsWith("QuantCluster", StringComparison.Ordinal) => level >= LogLevel.Information,
        "Orleans.Runtime.Silo" or "Orleans.Runtime.Watchdog" or "Orleans.Runtime.SiloLifecycleSubject" => level >= LogLevel.Error,
        { } messages when messages.StartsWith("Orleans.Runtime.Messaging", StringComparison.Ordinal) => level >= LogLevel.Error,
        _ => level >= LogLevel.Warning,
    };

    private static void Configure(ISiloBuilder silo, SiloSettings settings, JobStore store)
    {
        silo.Configure<ClusterOptions>(o => (o.ClusterId, o.ServiceId) = (settings.ClusterId, ClusterNames.ServiceId));
        silo.Configure<SiloOptions>(o => o.SiloName = settings.Name);
        silo.Configure<GrainCollectionOptions>(o => o.DeactivationTimeout = Drain);
        silo.Configure<ClusterMembershipOptions>(o =>
        {
            o.ProbeTimeout = settings.ProbeTimeout;
            // Asked by way of a third, a silo that hangs (rather than being gone) is never found to: the third's answer
            // comes too late to count.
            o.EnableIndirectProbes = false;
            o.TableRefreshTimeout = TimeSpan.FromSeconds(15);

            // Where all silos died together no one is left to say so: who comes next waits for three of these.
            o.IAmAliveTablePublishTimeout = settings.ProbeTimeout * 5;
            o.DefunctSiloExpiration = TimeSpan.FromHours(1);

            // A silo says by its machine's clock when it began to join, and others judge by theirs how long ago that was:
            // one whose clock is five minutes behind would be sent away while it joins.
            o.EvictWhenMaxJoinAttemptTimeExceeded = false;
        });
        silo.AddQuantCluster(store, settings.Cores, settings.ReminderPeriod);
        if (settings.Redis is { } address)
        {
            ConfigurationOptions redis = RedisOf(address);
            silo.ConfigureEndpoints(settings.Address ?? IPAddressOfHost(), settings.SiloPort, settings.GatewayPort, listenOnAnyHostAddress: true);
            silo.UseRedisClustering(o => o.ConfigurationOptions = redis);
            silo.AddRedisGrainStorage(CoordinatorStore.Name, o => o.ConfigurationOptions = redis);
            silo.UseRedisReminderService(o => o.ConfigurationOptions = redis);
        }
        else
        {
            silo.UseLocalhostClustering(settings.SiloPort, settings.GatewayPort, serviceId: ClusterNames.ServiceId, clusterId: settings.ClusterId);
            silo.AddMemoryGrainStorage(CoordinatorStore.Name);
            silo.UseInMemoryReminderService();
        }
    }

    private static ConfigurationOptions RedisOf(string address)
    {
        ConfigurationOptions redis = ConfigurationOptions.Parse(RedisAddress.Parse(address));

        // One that is away for a while is waited for, not a reason to fall.
        redis.AbortOnConnectFail = false;
        return redis;
    }

    /// <summary>The first address of this host that is no loopback; loopback where there is no other.</summary>
    private static IPAddress IPAddressOfHost() =>
        Dns.GetHostAddresses(Dns.GetHostName(), System.Net.Sockets.AddressFamily.InterNetwork).FirstOrDefault(a => !IPAddress.IsLoopback(a)) ?? IPAddress.Loopback;

    private static string? Reason(Exception e) => e switch
    {
        RedisConnectionException => $"Redis cannot be reached: {e.Message}",
        IOException or System.Net.Sockets.SocketException => $"a port cannot be listened on: {e.Message}",
        { InnerException: { } inner } => Reason(inner),
        _ => null,
    };
}
