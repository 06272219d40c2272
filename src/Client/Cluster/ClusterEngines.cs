namespace QuantCluster.Client.Cluster;

/// <summary>Every cluster engine of this build. Adding one is one line here and one file beside this.</summary>
internal static class ClusterEngines
{
    public static IReadOnlyList<IClusterEngine> All { get; } =
    [
        new RedisClusterEngine(),
        new OrleansClusterEngine(),
        new LocalEngineRunner(),
    ];

    /// <exception cref="QuantException">This build has no such engine.</exception>
    public static IClusterEngine Find(string name) => All.FirstOrDefault(e => e.Name == name)
        ?? throw new QuantException(ExitCode.Unavailable, $"--engine {name}: this build has no such engine; it has {string.Join(", ", All.Select(e => e.Name))}.");
}
