namespace QuantCluster.Grains;

/// <summary>How coordinators come back.</summary>
public sealed class CoordinatorOptions
{
    /// <summary>A job whose silo died is taken up again within this time.</summary>
    public TimeSpan ReminderPeriod { get; set; } = TimeSpan.FromMinutes(1);
}
