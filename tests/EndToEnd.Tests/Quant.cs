using System.Diagnostics;

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
}
