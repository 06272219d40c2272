namespace QuantCluster.Grains;

/// <summary>A silo as it last described itself.</summary>
[GenerateSerializer, Immutable, Alias("QuantCluster.SiloReport")]
public sealed record SiloReport
{
    /// <summary>What people call it: a host or a pod.</summary>
    [Id(0)]
    public required string Name { get; init; }

    /// <summary>Where its grains are.</summary>
    [Id(1)]
    public required string Address { get; init; }

    [Id(2)]
    public string Machine { get; init; } = "";

    /// <summary>Process id on that machine.</summary>
    [Id(3)]
    public int Process { get; init; }

    /// <summary>Items it does at a time.</summary>
    [Id(4)]
    public int Cores { get; init; } = 1;

    /// <summary>Items it is doing.</summary>
    [Id(5)]
    public int Busy { get; init; }

    /// <summary>Items that wait for one of its cores.</summary>
    [Id(6)]
    public int Waiting { get; init; }

    /// <summary>Items it has done since it came.</summary>
    [Id(7)]
    public long Done { get; init; }

    /// <summary>Jobs it coordinates.</summary>
    [Id(8)]
    public int Jobs { get; init; }

    /// <summary>The program's build.</summary>
    [Id(9)]
    public string Version { get; init; } = "";

    /// <summary>How long it has been there.</summary>
    [Id(10)]
    public TimeSpan Uptime { get; init; }
}
