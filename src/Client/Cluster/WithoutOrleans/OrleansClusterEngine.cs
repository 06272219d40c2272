using QuantCluster.Cluster;

namespace QuantCluster.Client.Cluster;

/// <summary>Stands where Orleans would, and says that it is not in this build.</summary>
internal sealed class OrleansClusterEngine : IClusterEngine
{
    public string Name => "orleans";

    public string DefaultAddress => "";

    public Task<ICluster> ConnectAsync(string address, JobStore store, CancellationToken cancellation) => throw Missing();

    public IReadOnlyList<LocalService> ServicesOf(LocalClusterPlan plan) => throw Missing();

    public string AddressOf(LocalClusterPlan plan) => throw Missing();

    private static QuantException Missing() => new(
        ExitCode.Unavailable,
        "--engine orleans: this build has no Orleans, because the package feed had none. Use --engine redis; or build where the feed has it, after 'eng/probe --again'.");
}
