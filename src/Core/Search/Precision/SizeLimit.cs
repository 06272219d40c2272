namespace QuantCluster.Search.Precision;

/// <summary>The most bytes a candidate may have, by estimate, and the steps by which layers come to keep to it.</summary>
internal sealed class SizeLimit(ModelSize size, PrecisionMoves moves, double bytes)
{
    /// <summary>The estimate may be wrong by this share, and these bytes: what is emitted must keep to the limit.</summary>
    private const double Reserve = 0.003, ReservedBytes = 150;

    /// <summary>Bytes, at most.</summary>
    public long Most { get; } = (long)((bytes * (1 - Reserve)) - ReservedBytes);

    public PrecisionMoves Moves => moves;

    /// <summary>Bytes by which a candidate is too large; negative where it has room.</summary>
    public long Excess(Trial trial) => size.Of(trial) - Most;

    public bool Permits(Trial trial) => Excess(trial) <= 0;
}
