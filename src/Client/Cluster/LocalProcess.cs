using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace QuantCluster.Client.Cluster;

/// <summary>Processes that go on when this one, and the terminal it was started in, are gone.</summary>
internal static partial class LocalProcess
{
    private const int Terminate = 15;

    /// <summary>This program, for starting it again.</summary>
    public static IReadOnlyList<string> Quant { get; } = ["dotnet", Path.Combine(AppContext.BaseDirectory, "quant.dll")];

    /// <summary>Starts a program whose output goes to a file.</summary>
    public static LocalMember Start(string name, IReadOnlyList<string> command, string log)
    {
        // A session of its own: the terminal's end, and Ctrl+C in it, are not meant for it.
        const string Script = "exec >>\"$QUANT_LOG\" 2>&1 </dev/null; if command -v setsid >/dev/null; then exec setsid \"$@\"; else exec \"$@\"; fi";
        ProcessStartInfo start = OperatingSystem.IsWindows()
            ? new ProcessStartInfo(command[0], command.Skip(1)) { CreateNoWindow = true }
            : new ProcessStartInfo("/bin/sh", ["-c", Script, "sh", .. command]);
        start.Environment["QUANT_LOG"] = log;
        using Process process = Process.Start(start)!;
        return new LocalMember(name, process.Id, StartOf(process.Id) ?? "");
    }

    /// <summary>Whether the very process still runs, and not another of the same id.</summary>
    public static bool IsRunning(LocalMember member) => StartOf(member.Id) is { } started && started == member.Started;

    /// <summary>When a process was started, exactly and always in the same words; null where there is none.</summary>
    public static string? StartOf(int id)
    {
        try
        {
            if (OperatingSystem.IsLinux())
            {
                // Field 22 of stat, counted behind the name, which may hold anything; a Z is dead and not yet buried.
                string[] fields = File.ReadAllText($"/proc/{id}/stat") is var text ? text[(text.LastIndexOf(')') + 2)..].Split(' ') : [];
                return fields[0] == "Z" ? null : fields[19];
            }

            using Process process = Process.GetProcessById(id);
            return process.HasExited ? null : process.StartTime.ToUniversalTime().ToString("yyyy-MM-ddTHH:mm:ss", CultureInfo.InvariantCulture);
        }
        catch (Exception e) when (e is IOException or ArgumentException or InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>Asks a process to end, waits, and ends it where it does not.</summary>
    public static void End(LocalMember member, TimeSpan patience)
    {
        if (!IsRunning(member))
            return;
        if (!OperatingSystem.IsWindows())
        {
            _ = Signal(member.Id, Terminate);
            for (long asked = Stopwatch.GetTimestamp(); IsRunning(member) && Stopwatch.GetElapsedTime(asked) < patience;)
                Thread.Sleep(50);
        }

        if (!IsRunning(member))
            return;
        using Process process = Process.GetProcessById(member.Id);
        process.Kill();
        process.WaitForExit();
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Signal(int process, int signal);
}
