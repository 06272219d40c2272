using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;

namespace QuantCluster.Tests;

/// <summary>A silo in a process of its own.</summary>
internal sealed class SiloProcess : IDisposable
{
    private readonly Process _process;
    private readonly ConcurrentQueue<string> _lines = [];
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private SiloProcess(Process process, string name, int siloPort, int httpPort)
    {
        (_process, Name, SiloPort, HttpPort) = (process, name, siloPort, httpPort);
        process.OutputDataReceived += (_, e) => Hear(e.Data);
        process.ErrorDataReceived += (_, e) => Hear(e.Data);
        process.EnableRaisingEvents = true;
        process.Exited += (_, _) => _ready.TrySetException(new InvalidOperationException($"silo {name} ended before it was ready:\n{Output}"));
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public string Name { get; }

    /// <summary>Its process.</summary>
    public string Id => _process.Id.ToString(CultureInfo.InvariantCulture);

    public int SiloPort { get; }

    public int HttpPort { get; }

    /// <summary>What it said.</summary>
    public string Output => string.Join('\n', _lines);

    public bool HasExited => _process.HasExited;

    /// <summary>Whether it was sent to sleep.</summary>
    public bool IsHanging { get; private set; }

    public int ExitCode => _process.ExitCode;

    /// <summary>What it has had of cores so far.</summary>
    public TimeSpan ProcessorTime
    {
        get
        {
            _process.Refresh();
            return _process.TotalProcessorTime;
        }
    }

    /// <summary>Starts a silo and waits until it takes work.</summary>
    /// <param name="program">Its assembly.</param>
    /// <param name="redis">The cluster's Redis.</param>
    /// <param name="store">The job store.</param>
    /// <param name="clusterId">The cluster.</param>
    /// <param name="name">The silo's name.</param>
    /// <param name="cores">Items at a time.</param>
    public static async Task<SiloProcess> StartAsync(string program, string redis, string store, string clusterId, string name, int cores, IReadOnlyList<string>? wrapping = null, double clockOffDays = 0)
    {
        int silo = FreePorts.Take(), gateway = FreePorts.Take(), http = FreePorts.Take();
        string[] command =
        [
            .. wrapping ?? [], "dotnet", program, .. clockOffDays == 0 ? [] : new[] { "--clock-off-days", Text(clockOffDays) }, "--redis", redis, "--store", store, "--cluster-id", clusterId, "--name", name, "--address", "127.0.0.1",
            "--silo-port", Text(silo), "--gateway-port", Text(gateway), "--http-port", Text(http),
            "--cores", Text(cores), "--reminder-seconds", "2", "--probe-milliseconds", "400",
        ];
        Process process = Process.Start(new ProcessStartInfo(command[0], command.Skip(1)) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        SiloProcess started = new(process, name, silo, http);
        await started._ready.Task.WaitAsync(TimeSpan.FromSeconds(30));
        return started;

        static string Text(IFormattable value) => value.ToString(null, CultureInfo.InvariantCulture);
    }

    /// <summary>SIGKILL: no farewell.</summary>
    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    /// <summary>Sends a signal by its name, such as <c>TERM</c>, <c>STOP</c>, <c>CONT</c>.</summary>
    public void Signal(string name)
    {
        IsHanging = name == "STOP";
        using Process kill = Process.Start("kill", ["-" + name, _process.Id.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    public Task WaitForExitAsync(TimeSpan patience) => _process.WaitForExitAsync().WaitAsync(patience);

    public void Dispose()
    {
        if (!_process.HasExited)
            Kill();
        _process.Dispose();
    }

    private void Hear(string? line)
    {
        if (line is null)
            return;
        _lines.Enqueue(line);
        if (line.StartsWith("quant-silo: ", StringComparison.Ordinal) && line.Contains(" is ready", StringComparison.Ordinal))
            _ready.TrySetResult();
    }
}
