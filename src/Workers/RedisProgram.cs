using System.Globalization;

namespace QuantCluster.Workers;

/// <summary>The redis-server of this machine.</summary>
public static class RedisProgram
{
    public const string HowToInstall = "Install it (Debian and Ubuntu: apt-get install redis-server; macOS: brew install redis), or give --cluster with the address of one that runs elsewhere";

    /// <summary>Its path; null where it is not installed.</summary>
    public static string? Find() => (Environment.GetEnvironmentVariable("PATH") ?? "")
        .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
        .Append("/usr/sbin")
        .Append("/usr/local/bin")
        .Select(folder => Path.Combine(folder, "redis-server"))
        .FirstOrDefault(File.Exists);

    /// <summary>Starts a server for this machine only, which keeps what it has across restarts in a folder of its own.</summary>
    /// <exception cref="QuantException">There is no redis-server.</exception>
    public static IReadOnlyList<string> Command(string folder, int port) =>
    [
        Find() ?? throw new QuantException(ExitCode.Unavailable, $"there is no redis-server on the PATH. {HowToInstall}."),
        "--port", port.ToString(CultureInfo.InvariantCulture), "--bind", "127.0.0.1", "--dir", folder,
        "--appendonly", "yes", "--appendfsync", "everysec", "--save", "", "--daemonize", "no",
    ];
}
