namespace QuantCluster.TestSilo;

/// <summary>A machine's clock that is off, as all of the silo sees it; its stopwatch goes on as it should.</summary>
internal sealed class WrongClock(TimeSpan off) : TimeProvider
{
    /// <summary>Days that the clock is off, before the silo's options.</summary>
    public const string Option = "--clock-off-days";

    public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + off;
}
