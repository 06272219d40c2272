namespace QuantCluster.Grains;

/// <summary>
/// What became of an order. Failures are data, not exceptions: they keep their exit code, and what is thrown by a call
/// is always the cluster's own trouble.
/// </summary>
[GenerateSerializer, Immutable, Alias("QuantCluster.WorkAnswer")]
public sealed record WorkAnswer
{
    /// <summary>Results up to this many bytes travel in the answer; larger ones by name, through the job's blobs.</summary>
    public const int LargestInline = 4096;

    /// <summary>A small result itself; null where <see cref="Blob"/> names it, or where there is a failure.</summary>
    [Id(0)]
    public byte[]? Bytes { get; init; }

    /// <summary>The result's blob.</summary>
    [Id(1)]
    public string? Blob { get; init; }

    /// <summary>Why there is no result; null where there is one.</summary>
    [Id(2)]
    public string? Failure { get; init; }

    /// <summary>The exit code that the failure means.</summary>
    [Id(3)]
    public int FailureCode { get; init; }

    /// <summary>The inputs are wrong: trying again would not help.</summary>
    [Id(4)]
    public bool IsFinal { get; init; }

    /// <summary>Time of the work itself, waiting for a core excluded.</summary>
    [Id(5)]
    public TimeSpan Elapsed { get; init; }

    /// <summary>Address of the silo that did it.</summary>
    [Id(6)]
    public string Silo { get; init; } = "";

    /// <summary>Items that this silo does at a time.</summary>
    [Id(7)]
    public int Cores { get; init; }

    /// <summary>The order is another build's: this silo's result might differ. Another silo is to be asked.</summary>
    [Id(8)]
    public bool IsRefused { get; init; }

    /// <summary>The grain chosen for it no longer knows of it, or its silo is gone. Another is to be chosen.</summary>
    [Id(9)]
    public bool IsLost { get; init; }

    /// <summary>The answer to another asker: not necessarily by the grain chosen this time.</summary>
    [Id(10)]
    public bool IsShared { get; init; }
}
