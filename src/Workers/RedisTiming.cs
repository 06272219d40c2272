namespace QuantCluster.Workers;

/// <summary>How patient a coordinator and its workers are with each other. All of a cluster must agree on the lease.</summary>
public sealed record RedisTiming
{
    public static RedisTiming Default { get; } = new();

    /// <summary>A worker not heard of for this long is taken for dead, and its items are given to others.</summary>
    public TimeSpan Lease { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How often a lease is renewed.</summary>
    public TimeSpan Heartbeat => Lease / 4;

    /// <summary>Items and results no coordinator has cared for this long are thrown away.</summary>
    public TimeSpan RunLifetime => Lease * 4;

    /// <summary>How long a command waits in the server for something to happen.</summary>
    public TimeSpan Wait { get; init; } = TimeSpan.FromMilliseconds(500);
}
