namespace QuantCluster.Grains;

/// <summary>How the engine treats the cluster; the defaults are for machines that work for minutes and die seldom.</summary>
public sealed record OrleansEngineSettings
{
    /// <summary>Items under way when the cluster could not yet be asked.</summary>
    internal const int FirstWindow = 4;

    /// <summary>Items under way at most; null for as many as the cluster has cores, and a few more.</summary>
    public int? Window { get; init; }

    /// <summary>Told how many silos there are, now and then.</summary>
    public Action<int>? Heard { get; init; }

    /// <summary>Address of the silo that the engine runs on, if it does: what is to outlive the coordinator is placed elsewhere.</summary>
    public string? Home { get; init; }

    /// <summary>
    /// Whether a run that is cancelled only leaves its place to another: candidates under way go on, and whoever takes the job up finds
    /// them. Null for never.
    /// </summary>
    public Func<bool>? IsLeaving { get; init; }

    /// <summary>How often an item that takes long is asked after.</summary>
    public TimeSpan CheckEvery { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How often the cluster is asked who is there.</summary>
    public TimeSpan LookAround { get; init; } = TimeSpan.FromSeconds(3);
}
