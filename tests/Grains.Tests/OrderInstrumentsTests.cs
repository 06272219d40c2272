using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using QuantCluster.Cluster;
using QuantCluster.Grains;
using QuantCluster.Jobs;
using QuantCluster.Tests.Jobs;

namespace QuantCluster.Tests;

/// <summary>A silo in this process, whose metrics can be heard.</summary>
public sealed class OrderInstrumentsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public async Task A_silo_counts_the_orders_it_does_joins_and_answers_again()
    {
        ConcurrentDictionary<string, long> counted = [];
        using MeterListener listener = new();
        listener.InstrumentPublished = (instrument, l) =>
        {
            if (instrument.Name == OrderInstruments.Orders)
                l.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((_, value, tags, _) =>
            counted.AddOrUpdate(string.Join(' ', tags.ToArray().Select(t => t.Value)), value, (_, before) => before + value));
        listener.Start();

        using IHost silo = await StartAsync();
        IGrainFactory grains = silo.Services.GetRequiredService<IGrainFactory>();
        string job = JobStore.NewId("contract");
        Hashing.Prepare(Path.Combine(JobStore.Open(_folder.Path).Jobs, job), new() { DelayMilliseconds = 300 });

        IShardGrain shard = grains.GetGrain<IShardGrain>($"{job}/hash#1");
        await Task.WhenAll(shard.ExecuteAsync(Order(job, 1), default), shard.ExecuteAsync(Order(job, 1), default));
        await shard.ExecuteAsync(Order(job, 1), default);
        Assert.Equal(["work joined 1", "work new 1", "work repeated 1"], Read());

        ILayerGrain layer = grains.GetGrain<ILayerGrain>(WorkRoute.WatcherOf(job, ["conv"]));
        CandidateOrder candidate = new(Order(job, 2), $"{job}/hash#1", null, TimeSpan.FromSeconds(5));
        await Task.WhenAll(layer.ScoreAsync(candidate, default), layer.ScoreAsync(candidate, default));
        await layer.ScoreAsync(candidate, default);
        Assert.Equal(["watch joined 1", "watch new 1", "watch repeated 1", "work joined 1", "work new 2", "work repeated 1"], Read());
        await silo.StopAsync();

        string[] Read() => [.. counted.Select(c => $"{c.Key} {c.Value}").Order(StringComparer.Ordinal)];
    }

    public void Dispose() => _folder.Dispose();

    private async Task<IHost> StartAsync()
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddSingleton<IJobOpener>(new ContractJobs(_folder.Path));
        builder.UseOrleans(silo =>
        {
            silo.UseLocalhostClustering(FreePorts.Take(), FreePorts.Take());
            silo.AddMemoryGrainStorage(CoordinatorStore.Name);
            silo.UseInMemoryReminderService();
            silo.AddQuantCluster(JobStore.Open(_folder.Path), 1, TimeSpan.FromMinutes(1));
        });
        IHost host = builder.Build();
        await host.StartAsync();
        return host;
    }

    private static WorkOrder Order(string job, int i)
    {
        WorkItem item = Hashing.Item(i);
        return new WorkOrder(job, "", QuantizationJob.ToolVersion, item.Key, item.Kind, item.Argument, [.. item.Inputs]);
    }

    private sealed class ContractJobs(string store) : IJobOpener
    {
        public OpenJob Open(string job) => new(Hashing.Open(Path.Combine(JobStore.Open(store).Jobs, job)), () => { });
    }
}
