using QuantCluster.Cluster;

namespace QuantCluster.Client.Cluster;

/// <summary>An engine that <c>--engine</c> names: how a client reaches it, and how <c>quant cluster up</c> starts it here.</summary>
internal interface IClusterEngine
{
    string Name { get; }

    /// <summary>Where it is looked for when <c>--cluster</c> is not given.</summary>
    string DefaultAddress { get; }

    /// <exception cref="QuantException">No one answers at the address; what to do about it.</exception>
    Task<ICluster> ConnectAsync(string address, JobStore store, CancellationToken cancellation);

    /// <summary>The processes of a cluster on this machine, in the order they are to be started.</summary>
    /// <exception cref="QuantException">A program it needs is not installed; how to install it.</exception>
    IReadOnlyList<LocalService> ServicesOf(LocalClusterPlan plan);

    /// <summary>What clients give as <c>--cluster</c> to reach the cluster that <see cref="ServicesOf"/> starts.</summary>
    string AddressOf(LocalClusterPlan plan);
}

/// <summary>A cluster on this machine.</summary>
/// <param name="Folder">Where its state, logs and data are.</param>
/// <param name="Store">The shared job store.</param>
/// <param name="Workers">Worker or silo processes.</param>
/// <param name="Cores">Work items at a time in each of them.</param>
/// <param name="Port">First of the free ports it may use; Redis has this one.</param>
internal sealed record LocalClusterPlan(string Folder, string Store, int Workers, int Cores, int Port)
{
    /// <summary>Ports it may use.</summary>
    public const int Ports = 32;
}

/// <summary>A process to start.</summary>
/// <param name="Name">What <c>status</c> and the log file call it.</param>
/// <param name="Command">Program and arguments.</param>
internal sealed record LocalService(string Name, IReadOnlyList<string> Command)
{
    /// <summary>Looked at several times a second after the start: whether the next may be started. Null: at once.</summary>
    public Func<bool>? IsReady { get; init; }
}
