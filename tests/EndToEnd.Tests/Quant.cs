using System.Diagnostics;

namespace QuantCluster.Tests;

/// <summary>The real <c>quant</c> process, as it was built.</summary>
internal static class Quant
{
    public sealed record Result(int Code, string Out, string Error);

    public static async Task<Result> RunAsync(params string[] args)
    {
        using Process process = Start(args);
        return await FinishAsync(process);
    }

    public static Process Start(params string[] args)
    {
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
