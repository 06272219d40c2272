using System.Globalization;

namespace QuantCluster.Cluster;

/// <summary>How a Redis may be named: StackExchange.Redis's own way (<c>host:port,password=...,ssl=true</c>), or the way of other clients, as a URI.</summary>
public static class RedisAddress
{
    private const int DefaultPort = 6379;

    /// <summary>The hosts alone, for messages: a password is no one else's business.</summary>
    public static string HostsOf(string address) => string.Join(',', Parse(address).Split(',').Where(part => !part.Contains('=')));

    /// <summary>A <c>redis://[user[:password]@]host[:port]</c>, or <c>rediss://</c> for TLS, in StackExchange.Redis's own way; all else as it is.</summary>
    /// <exception cref="QuantException">It begins like such a URI, and is none.</exception>
    public static string Parse(string address)
    {
        bool isEncrypted = address.StartsWith("rediss://", StringComparison.OrdinalIgnoreCase);
        if (!isEncrypted && !address.StartsWith("redis://", StringComparison.OrdinalIgnoreCase))
            return address;

        // What is not said of the server as a whole (",name=value") may follow.
        int more = address.IndexOf(',');
        string rest = more < 0 ? "" : address[more..];
        if (!Uri.TryCreate(more < 0 ? address : address[..more], UriKind.Absolute, out Uri? uri) || uri.Host.Length == 0 || uri.PathAndQuery.Trim('/').Length > 0)
            throw new QuantException(ExitCode.Usage, "the address of Redis is no URI of the kind rediss://[user:password@]host:port.");
        string host = string.Create(CultureInfo.InvariantCulture, $"{uri.Host}:{(uri.Port > 0 ? uri.Port : DefaultPort)}");
        string[] user = uri.UserInfo.Length == 0 ? [] : [.. uri.UserInfo.Split(':', 2).Select(Uri.UnescapeDataString)];
        string login = user switch
        {
            ["", var password] => $",password={password}",
            [var name, var password] => $",user={name},password={password}",
            [var password] => $",password={password}",
            _ => "",
        };
        return $"{host}{login}{(isEncrypted ? ",ssl=true" : "")}{rest}";
    }
}
