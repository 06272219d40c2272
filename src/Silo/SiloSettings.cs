using System.Net;

namespace QuantCluster.Silo;

/// <summary>Where telemetry goes.</summary>
[Flags]
internal enum TelemetryOutput
{
    None = 0,
    Console = 1,
    Otlp = 2,
}

/// <summary>What a silo is told when it starts: by options, else by environment variables.</summary>
internal sealed record SiloSettings
{
    /// <summary>Redis of the cluster, as StackExchange.Redis writes it; null for a silo of its own (<c>--dev</c>).</summary>
    public string? Redis { get; init; }

    /// <summary>The job store that silos and clients share.</summary>
    public required string Store { get; init; }

    /// <summary>Silos of one id on one Redis work together.</summary>
    public required string ClusterId { get; init; }

    /// <summary>What people call it: the host's or the pod's name.</summary>
    public required string Name { get; init; }

    /// <summary>The address other silos reach it by; null for the host's first.</summary>
    public IPAddress? Address { get; init; }

    /// <summary>Port for other silos.</summary>
    public required int SiloPort { get; init; }

    /// <summary>Port for clients.</summary>
    public required int GatewayPort { get; init; }

    /// <summary>Port of <c>/health/live</c> and <c>/health/ready</c>.</summary>
    public required int HttpPort { get; init; }

    /// <summary>Items at a time.</summary>
    public required int Cores { get; init; }

    /// <summary>A job whose silo died is taken up again within this time.</summary>
    public required TimeSpan ReminderPeriod { get; init; }

    /// <summary>A silo that misses three answers in a row, asked this often, is taken for dead.</summary>
    public required TimeSpan ProbeTimeout { get; init; }

    public TelemetryOutput Telemetry { get; init; }
}
