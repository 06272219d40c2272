using QuantCluster.Cluster;

namespace QuantCluster.Client.Cluster;

/// <summary>No cluster: a submitted job is done by a process of this machine, in the background.</summary>
internal sealed class LocalEngineRunner : IClusterEngine
{
    public string Name => "local";

    public string DefaultAddress => "this machine";

    public Task<ICluster> ConnectAsync(string address, JobStore store, CancellationToken cancellation) => Task.FromResult<ICluster>(new Background(store));

    public IReadOnlyList<LocalService> ServicesOf(LocalClusterPlan plan) =>
        throw new QuantException(ExitCode.Usage, "--engine local needs no cluster: 'quant submit --engine local' starts what it needs.");

    public string AddressOf(LocalClusterPlan plan) => DefaultAddress;

    private sealed class Background(JobStore store) : ICluster
    {
        public string Engine => "local";

        public Task AnnounceAsync(string job, CancellationToken cancellation = default)
        {
            LocalProcess.Start(
                job, [.. LocalProcess.Quant, "worker", "--engine", "local", "--store", store.Root, "--job", job], Path.Combine(store.Jobs, job, "process.log"));
            return Task.CompletedTask;
        }

        public Task<IReadOnlyList<ClusterMember>> MembersAsync(CancellationToken cancellation = default) => Task.FromResult<IReadOnlyList<ClusterMember>>([]);

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
