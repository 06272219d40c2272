using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace QuantCluster.Tests;

/// <summary>A real Redis of one test class: Debian's redis-server on a free port, with its own folder.</summary>
internal sealed class RedisServer : IDisposable
{
    private readonly string _folder;
    private Process _process;

    private RedisServer(int port, string folder)
    {
        (Port, _folder) = (port, folder);
        _process = Run();
    }

    public int Port { get; }

    public string Address => $"127.0.0.1:{Port}";

    public static bool IsInstalled => FindExecutable() is not null;

    public static void SkipUnlessInstalled() =>
        Assert.SkipUnless(IsInstalled, "NOT TESTED: no redis-server on the PATH (Debian: apt-get install redis-server).");

    public static RedisServer Start() => new(FreePorts.Take(), Directory.CreateTempSubdirectory("quant-redis-").FullName);

    /// <summary>Kills it and starts it again from what it had written down.</summary>
    public void Restart()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        _process = Run();
    }

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private Process Run()
    {
        ProcessStartInfo start = new(FindExecutable()!, ["--port", $"{Port}", "--bind", "127.0.0.1", "--dir", _folder, "--appendonly", "yes", "--save", ""])
        {
            RedirectStandardOutput = true,
        };
        Process process = Process.Start(start)!;
        process.OutputDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        for (int i = 0; !Answers(); i++)
        {
            if (process.HasExited || i == 200)
                throw new InvalidOperationException($"redis-server did not start on port {Port}");
            Thread.Sleep(20);
        }

        return process;
    }

    private bool Answers()
    {
        try
        {
            using TcpClient client = new();
            client.Connect(IPAddress.Loopback, Port);
            client.Client.Send("PING\r\n"u8);
            byte[] answer = new byte[5];
            return client.Client.Receive(answer) == 5 && answer.AsSpan().SequenceEqual("+PONG"u8);
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static string? FindExecutable() => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .Select(folder => Path.Combine(folder, "redis-server")).FirstOrDefault(File.Exists);
}
