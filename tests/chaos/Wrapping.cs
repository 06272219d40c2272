namespace QuantCluster.Tests.Chaos;

/// <summary>Programs that another is started through, and that become it: the process is the same.</summary>
internal static class Wrapping
{
    /// <param name="core">The one core it may use, where the system has <c>taskset</c> to say so.</param>
    public static IReadOnlyList<string> OnCore(int core) => HasAffinity ? ["taskset", "-c", $"{core}"] : [];

    private static bool HasAffinity { get; } =
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, "taskset")));
}
