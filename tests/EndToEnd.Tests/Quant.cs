using System.Diagnostics;
using System.Globalization;

namespace QuantCluster.Tests;

/// <summary>The real <c>quant</c> process, as it was built.</summary>
public static class Quant
{
    public sealed record Result(int Code, string Out, string Error)
    {
        /// <returns>What it printed.</returns>
        public string MustSucceed()
        {
            Assert.True(Code == 0, $"exit code {Code}: {Error}\n{Out}");
            return Out;
        }
    }

    public static async Task<Result> RunAsync(params string[] args)
    {
        using Process process = Start(args);
        return await FinishAsync(process);
    }

    /// <summary>
    /// Unless a test is about speed, none may decide anything: INT8 never pays for networks as small as the tests', and
    /// bytes must not depend on how busy the machine is.
    /// </summary>
    public static Process Start(params string[] args)
    {
        if (args is ["run", ..] && !args.Contains("--speed"))
            args = [.. args, "--speed", "ignore"];
        ProcessStartInfo start = new("dotnet", [Path.Combine(AppContext.BaseDirectory, "quant.dll"), .. args])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment.Remove("QUANT_DEBUG");
        return Process.Start(start)!;
    }

    public static async Task<Result> FinishAsync(Process process)
    {
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        using CancellationTokenSource patience = new(TimeSpan.FromMinutes(2));
        await process.WaitForExitAsync(patience.Token);
        return new Result(process.ExitCode, (await output).TrimEnd(), (await error).TrimEnd());
    }

    /// <summary>
    /// Ctrl+C, that is SIGINT; SIGTERM, which asks for the same, where SIGINT is ignored: a script's background processes
    /// and all that they start never see it.
    /// </summary>
    public static void Interrupt(Process process) => Signal(process, IgnoresInterrupts() ? "-TERM" : "-INT");

    /// <summary>SIGTERM.</summary>
    public static void Terminate(Process process) => Signal(process, "-TERM");

    private static void Signal(Process process, string signal)
    {
        using Process kill = Process.Start(new ProcessStartInfo("kill", [signal, process.Id.ToString(CultureInfo.InvariantCulture)]) { RedirectStandardError = true })!;
        kill.WaitForExit();
    }

    private static bool IgnoresInterrupts()
    {
        const string Status = "/proc/self/status", Ignored = "SigIgn:";
        const ulong Interrupt = 1UL << (2 - 1);
        return File.Exists(Status) && File.ReadLines(Status).FirstOrDefault(l => l.StartsWith(Ignored, StringComparison.Ordinal)) is { } line
            && (ulong.Parse(line.AsSpan(Ignored.Length), NumberStyles.HexNumber, CultureInfo.InvariantCulture) & Interrupt) != 0;
    }
}
