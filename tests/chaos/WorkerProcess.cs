using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace QuantCluster.Tests.Chaos;

/// <summary>A worker in a process of its own, of the contract's items or of the real <c>quant worker</c>; killed with its test.</summary>
internal sealed partial class WorkerProcess : IDisposable
{
    private readonly Process _process;

    private WorkerProcess(string name, Process process)
    {
        Name = name;
        _process = process;
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, e) => Log += e.Data + "\n";
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>The quant command as it was built.</summary>
    public static string Quant { get; } = Path.Combine(Path.GetDirectoryName(Path.GetDirectoryName(Samples.Path("digits"))!)!, "src", "Client", "bin", "Release", "net10.0", "quant.dll");

    /// <summary>The silo as it was built; no such file where the build has no Orleans.</summary>
    public static string Silo { get; } = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(Quant)!, "../../../../Silo/bin/Release/net10.0/quant-silo.dll"));

    public string Name { get; }

    public string Log { get; private set; } = "";

    public bool HasExited => _process.HasExited;

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

    public static WorkerProcess OfContract(string redis, string store, int cores, TimeSpan lease, string? name = null)
    {
        name ??= $"w{Guid.NewGuid().ToString("N")[..8]}";
        return Start(name, [], Path.Combine(AppContext.BaseDirectory, "contract-worker.dll"), redis, store, name, cores.ToString(CultureInfo.InvariantCulture), ((int)lease.TotalMilliseconds).ToString(CultureInfo.InvariantCulture));
    }

    public static WorkerProcess OfQuant(string redis, string store, int cores, double leaseSeconds, string? name = null, IReadOnlyList<string>? wrapping = null)
    {
        name ??= $"w{Guid.NewGuid().ToString("N")[..8]}";
        return Start(
            name, wrapping ?? [], Quant, "worker", "--engine", "redis", "--cluster", redis, "--store", store, "--name", name,
            "--cores", cores.ToString(CultureInfo.InvariantCulture), "--lease", leaseSeconds.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>A silo of one core, that notices within a second or two who is gone.</summary>
    public static WorkerProcess OfSilo(string redis, string store, string name)
    {
        string Port() => FreePorts.Take().ToString(CultureInfo.InvariantCulture);
        return Start(
            name, [], Silo, "--redis", redis, "--store", store, "--cluster-id", "chaos", "--name", name, "--address", "127.0.0.1", "--cores", "1",
            "--silo-port", Port(), "--gateway-port", Port(), "--http-port", Port(), "--reminder-seconds", "2", "--probe-milliseconds", "400");
    }

    /// <summary>SIGKILL: nothing is said, nothing is finished.</summary>
    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    /// <summary>SIGSTOP: it hangs, and does not know.</summary>
    public void Hang() => Send(19);

    /// <summary>SIGCONT.</summary>
    public void WakeUp() => Send(18);

    /// <summary>SIGTERM: asks it to leave.</summary>
    public async Task LeaveAsync(TimeSpan patience)
    {
        Send(15);
        using CancellationTokenSource stop = new(patience);
        await _process.WaitForExitAsync(stop.Token);
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            Kill();
        _process.Dispose();
    }

    private static WorkerProcess Start(string name, IReadOnlyList<string> wrapping, string program, params string[] arguments)
    {
        string[] command = [.. wrapping, "dotnet", program, .. arguments];
        ProcessStartInfo start = new(command[0], command.Skip(1))
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };

        // Tests start many: none needs heaps for every core.
        start.Environment["DOTNET_GCHeapCount"] = "1";
        start.Environment["DOTNET_TieredPGO"] = "0";
        return new WorkerProcess(name, Process.Start(start)!);
    }

    private void Send(int signal)
    {
        if (Signal(_process.Id, signal) != 0)
            throw new InvalidOperationException($"{Name} cannot be signalled");
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Signal(int process, int signal);
}
