using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using QuantCluster.Workers;

namespace QuantCluster.Tests.Chaos;

/// <summary>A real redis-server on a free port, with a data folder of its own; gone with the tests that use it.</summary>
internal sealed class RedisServer : IDisposable
{
    public const string Missing = "no redis-server on this machine: tests of the redis engine are skipped (Debian: apt-get install redis-server)";

    private readonly string _folder = Directory.CreateTempSubdirectory("quant-redis-").FullName;
    private Process? _process;

    private readonly IReadOnlyList<string> _options;

    /// <param name="options">Of redis-server, besides those that every cluster's has.</param>
    public RedisServer(params IReadOnlyList<string> options)
    {
        _options = options;
        if (RedisProgram.Find() is null)
            return;
        Port = FreePort();
        Start();
    }

    public int Port { get; }

    public string Address => string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{Port}");

    /// <summary>Where it keeps what it must not forget.</summary>
    public string Folder => _folder;

    public static bool IsInstalled => RedisProgram.Find() is not null;

    public static int FreePort()
    {
        using Socket probe = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        probe.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)probe.LocalEndPoint!).Port;
    }

    public void Start()
    {
        IReadOnlyList<string> command = RedisProgram.Command(_folder, Port);
        _process = Process.Start(new ProcessStartInfo(command[0], command.Skip(1).Concat(_options)) { RedirectStandardOutput = true })!;
        _process.OutputDataReceived += (_, _) => { };
        _process.BeginOutputReadLine();
        for (int i = 0; i < 200 && !Answers(); i++)
            Thread.Sleep(20);
    }

    /// <summary>As a power cut would.</summary>
    public void Kill()
    {
        _process?.Kill();
        _process?.WaitForExit();
        _process?.Dispose();
        _process = null;
    }

    public void Dispose()
    {
        Kill();
        Directory.Delete(_folder, recursive: true);
    }

    private bool Answers()
    {
        try
        {
            using TcpClient client = new("127.0.0.1", Port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
