using QuantCluster.Cluster;
using QuantCluster.Grains;
using QuantCluster.Tests.Jobs;

namespace QuantCluster.Tests;

/// <summary>A real Redis, a store, silos in processes of their own, and a client in this one.</summary>
internal sealed class TestCluster : IAsyncDisposable
{
    /// <summary>The silo that users run.</summary>
    public const string Silo = "src/Silo/bin/Release/net10.0/quant-silo.dll";

    /// <summary>It, knowing also the work of the engines' contract.</summary>
    public const string ContractSilo = "tests/TestSilo/bin/Release/net10.0/QuantCluster.TestSilo.dll";

    private readonly string _id = "test-" + Guid.NewGuid().ToString("N")[..8];
    private readonly string _program;
    private readonly int _cores;
    private readonly TemporaryFolder _folder = new();
    private readonly List<SiloProcess> _silos = [];
    private readonly List<SiloProcess> _dead = [];
    private OrleansCluster? _client;
    private int _started;

    private TestCluster(RedisServer redis, string program, int cores, string? store)
    {
        (Redis, _program, _cores) = (redis, program, cores);
        Store = JobStore.Open(store ?? _folder.Path);
    }

    public RedisServer Redis { get; }

    public JobStore Store { get; }

    public IReadOnlyList<SiloProcess> Silos => _silos;

    public OrleansCluster Client => _client!;

    /// <summary>Starts them.</summary>
    /// <param name="silos">How many.</param>
    /// <param name="program">Assembly of the silo's program, under the repository's root.</param>
    /// <param name="cores">Items a silo does at a time.</param>
    /// <param name="store">Where jobs are; null for a folder that goes with the cluster.</param>
    /// <param name="clockOffDays">How far the first one's clock is off; only of the contract's silos.</param>
    /// <param name="wrapping">What the first one is started through.</param>
    public static async Task<TestCluster> StartAsync(int silos, string program, int cores = 1, string? store = null, double clockOffDays = 0, IReadOnlyList<string>? wrapping = null)
    {
        TestCluster cluster = new(RedisServer.Start(), Path.GetFullPath(Samples.Path("../" + program)), cores, store);
        try
        {
            // The first makes the tables; the rest join at once.
            await cluster.AddAsync(clockOffDays, wrapping);
            await Task.WhenAll(Enumerable.Range(1, silos - 1).Select(_ => cluster.AddAsync()));
            cluster._client = await cluster.ConnectAsync();
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    public async Task<SiloProcess> AddAsync(double clockOffDays = 0, IReadOnlyList<string>? wrapping = null)
    {
        int number = Interlocked.Increment(ref _started);
        SiloProcess silo = await SiloProcess.StartAsync(_program, Redis.Address, Store.Root, _id, $"silo-{number}", _cores, wrapping, clockOffDays);
        lock (_silos)
            _silos.Add(silo);
        return silo;
    }

    /// <summary>SIGKILL.</summary>
    public void Kill(SiloProcess silo)
    {
        silo.Kill();
        lock (_silos)
        {
            _silos.Remove(silo);
            _dead.Add(silo);
        }
    }

    /// <summary>Ends what hangs, and forgets what has ended.</summary>
    public void Bury()
    {
        foreach (SiloProcess silo in _silos.Where(s => s.HasExited || s.IsHanging).ToArray())
            Kill(silo);
    }

    /// <summary>Another client of the silos.</summary>
    public Task<OrleansCluster> ConnectAsync() => OrleansCluster.ConnectAsync(Redis.Address, _id, TimeSpan.FromSeconds(10));

    /// <summary>An engine that sees silos from here.</summary>
    public OrleansEngine CreateEngine(int? window = null) => CreateEngine(Client, window);

    public OrleansEngine CreateEngine(OrleansCluster client, int? window = null, Func<bool>? isLeaving = null) =>
        new(client.Grains, new OrleansEngineSettings { Window = window, CheckEvery = TimeSpan.FromSeconds(1), IsLeaving = isLeaving });

    /// <summary>What all silos said, for the message of a test that fails.</summary>
    public string Output => string.Join('\n', _silos.Concat(_dead).Select(s => $"--- {s.Name}\n{s.Output}"));

    public async ValueTask DisposeAsync()
    {
        if (_client is not null)
            await _client.DisposeAsync();
        foreach (SiloProcess silo in _silos.Concat(_dead))
            silo.Dispose();
        Redis.Dispose();
        _folder.Dispose();
    }
}
