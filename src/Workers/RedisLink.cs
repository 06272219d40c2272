using System.Globalization;
using QuantCluster.Cluster;
using StackExchange.Redis;

namespace QuantCluster.Workers;

/// <summary>
/// The way to one Redis server. Commands outlast its restarts: they are tried again until it answers. Thread-safe.
/// </summary>
public sealed class RedisLink : IAsyncDisposable
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);

    private readonly ConfigurationOptions _options;
    private readonly ConnectionMultiplexer _connection;

    private RedisLink(string address, ConfigurationOptions options, ConnectionMultiplexer connection)
    {
        Address = address;
        _options = options;
        _connection = connection;
        connection.ConnectionRestored += (_, _) => Interlocked.Increment(ref _interruptions);
    }

    private int _interruptions;

    /// <summary>As it was given: host:port, or StackExchange.Redis's own syntax (password, ssl, ...).</summary>
    public string Address { get; }

    /// <summary>How often the server was away: what was written before may be lost.</summary>
    public int Interruptions => Volatile.Read(ref _interruptions);

    internal IDatabase Database => _connection.GetDatabase();

    internal ISubscriber Subscriber => _connection.GetSubscriber();

    /// <exception cref="QuantException">No Redis answers there.</exception>
    public static async Task<RedisLink> ConnectAsync(string address, CancellationToken cancellation = default)
    {
        ConfigurationOptions options;
        try
        {
            options = ConfigurationOptions.Parse(RedisAddress.Parse(address));
        }
        catch (ArgumentException e)
        {
            throw new QuantException(ExitCode.Usage, $"{RedisAddress.HostsOf(address)}: not the address of a Redis server ({e.Message}). Give host:port.", e);
        }

        options.AbortOnConnectFail = true;
        options.ConnectTimeout = 3000;

        // The older protocol: replies of streams are lists in it, whatever the server's version.
        options.Protocol = RedisProtocol.Resp2;
        options.AsyncTimeout = 5000;
        options.SyncTimeout = 5000;
        options.ReconnectRetryPolicy = new LinearRetry(200);
        options.ClientName = string.Create(CultureInfo.InvariantCulture, $"quant-{Environment.ProcessId}");
        try
        {
            ConnectionMultiplexer connection = await ConnectionMultiplexer.ConnectAsync(options).WaitAsync(cancellation);
            options.AbortOnConnectFail = false;
            return new RedisLink(address, options, connection);
        }
        catch (RedisConnectionException e)
        {
            throw new QuantException(ExitCode.Unavailable, $"{RedisAddress.HostsOf(address)}: no Redis server answers there. Start one ('quant cluster up' does), or give --cluster HOST:PORT.", e);
        }
    }

    /// <summary>A connection of its own, for commands that wait in the server and would hold up all others.</summary>
    internal async Task<ConnectionMultiplexer> OpenWaitingConnectionAsync()
    {
        ConfigurationOptions options = _options.Clone();
        options.AbortOnConnectFail = false;
        options.AsyncTimeout = 15000;
        return await ConnectionMultiplexer.ConnectAsync(options);
    }

    /// <summary>Does what is safe to do twice, as often as it takes for the server to be there.</summary>
    internal async Task<T> InsistAsync<T>(Func<IDatabase, Task<T>> command, CancellationToken cancellation)
    {
        TimeSpan pause = FirstPause;
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            try
            {
                return await command(Database);
            }
            catch (Exception e) when (IsPassing(e))
            {
                Interlocked.Increment(ref _interruptions);
                await Task.Delay(pause, cancellation);
                pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
            }
        }
    }

    /// <summary>The server is away, starts, or answers too late.</summary>
    internal static bool IsPassing(Exception e) =>
        e is RedisConnectionException or RedisTimeoutException or TimeoutException
        || (e is RedisServerException && e.Message.StartsWith("LOADING", StringComparison.Ordinal))
        || (e is RedisServerException && e.Message.Contains("MISCONF", StringComparison.Ordinal));

    public async ValueTask DisposeAsync() => await _connection.DisposeAsync();
}
